// Forms on top of the page. The server holds the stack; the uppermost view is shown.

import { coalesced, fragment, keepingFocus, post } from "./api.js";
import { enhance, forgetSaving, remember, restore, stateOf, uploaded } from "./elements.js";

const dialog = document.querySelector("[data-modal]");
let openedFrom = null;

const shownForm = () => dialog.querySelector("form");

function show(content) {
  const form = content?.querySelector("form[data-view]");
  const before = shownForm();
  if (!form) {
    if (dialog.open) {
      dialog.close();
      leave();
    }
    return;
  }
  if (before && before.dataset.view === form.dataset.view) {
    if (before.dataset.version !== form.dataset.version) replace(before, form);
    return;
  }
  dialog.replaceChildren(form);
  enhance(form);
  if (!dialog.open) {
    openedFrom = document.activeElement;
    dialog.showModal();
  }
  dialog.classList.remove("is-loading");
  focusFirst(form);
}

function replace(before, form) {
  const kept = remember(before);
  const { scrollTop } = before.querySelector("[data-modal-body]");
  dialog.classList.remove("is-loading");
  keepingFocus(dialog, () => {
    renew(before, form);
    enhance(before);
    restore(before, kept);
    before.querySelector("[data-modal-body]").scrollTop = scrollTop;
  });
  if (!focusWrong(before) && (!dialog.contains(document.activeElement) || document.activeElement === dialog)) {
    focusFirst(before);
  }
}

// At once: the browser says that it has closed only later, and a key pressed before that would be lost.
function leave() {
  dialog.replaceChildren();
  const back = openedFrom?.isConnected ? openedFrom : document.querySelector("[data-composer] textarea");
  // The browser has focused it already but left the text cursor in the form: typing would go nowhere.
  back?.blur();
  back?.focus({ preventScroll: true });
}

// A part that stays the same stays in the page: a press that has begun on its button would be lost.
function renew(before, form) {
  Object.assign(before.dataset, form.dataset);
  [...form.children].forEach((part, at) => {
    if (!before.children[at].isEqualNode(part)) before.children[at].replaceWith(part);
  });
}

function focusWrong(form) {
  const wrong = form.querySelector(".has-error");
  wrong?.querySelector("input:not([hidden]), textarea")?.focus();
  wrong?.scrollIntoView({ block: "nearest" });
  return wrong;
}

function focusFirst(form) {
  const wanted =
    form.querySelector("[data-focus]:not([hidden])") ??
    form.querySelector(".modal-body :is(input:not([type=file]), textarea):not([hidden])") ??
    form.querySelector("#modal-title");
  wanted.focus();
}

export const refreshModal = coalesced(async () => {
  const content = await fragment("/modal");
  if (content) show(content);
});

async function submit(form) {
  if (dialog.classList.contains("is-loading")) return;
  const button = form.querySelector("[data-submit]");
  if (!button) return;
  dialog.classList.add("is-loading");
  button.classList.add("is-busy");
  button.setAttribute("aria-busy", "true");
  await uploaded();
  forgetSaving(form);
  await post("/submit", { view: form.dataset.view, values: stateOf(form) });
  dialog.classList.remove("is-loading");
  for (const shown of dialog.querySelectorAll("[data-submit]")) {
    shown.classList.remove("is-busy");
    shown.removeAttribute("aria-busy");
  }
  await refreshModal();
  // The same message as before changes nothing on the page: lead to it all the same.
  const still = shownForm();
  if (still === form) focusWrong(still);
}

async function closeView(everything = false) {
  const form = shownForm();
  if (!form) return;
  forgetSaving(form);
  await post("/close", { view: form.dataset.view, values: stateOf(form), everything });
  await refreshModal();
}

export function startModal() {
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target);
  });
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    closeView();
  });
  dialog.addEventListener("keydown", (event) => {
    // Enter in a text field must not send a form that has no Submit, or an open list.
    const single = event.target.matches("input:not([role=combobox])");
    if (event.key === "Enter" && single && !shownForm()?.querySelector("[data-submit]")) event.preventDefault();
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(shownForm());
  });
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close], [data-back]")) closeView();
    else if (event.target.closest("[data-close-all]")) closeView(true);
  });
  // A second Escape closes it without asking.
  dialog.addEventListener("close", () => shownForm() && leave());
  show(document.querySelector("template[data-modal-now]").content);
}
