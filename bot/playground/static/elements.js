// Block Kit's interactive parts: what was entered, and telling the app.
//
// What an element holds is a string, a list of strings, or null: the text, an option's value,
// a date, an id. The server makes Slack's own shape of it.

import { iconNamed, post, sizeInWords, toast } from "./api.js";
import { enhanceSelects } from "./selects.js";

const TYPING_PAUSE = 400;

export function enhance(root) {
  enhanceSelects(root);
  for (const typed of root.querySelectorAll("[data-counter]")) count(typed.closest(".element"));
}

export function entered(element) {
  const { type } = element.dataset;
  if (type === "file_input") {
    return [...element.querySelectorAll("[data-file-id]")].map((file) => file.dataset.fileId);
  }
  if (type === "checkboxes") return checked(element);
  if (type === "radio_buttons") return checked(element)[0] ?? null;
  if (type === "datetimepicker") {
    const date = element.querySelector("[data-date]").value;
    const time = element.querySelector("[data-time]").value;
    return date && time ? `${date}T${time}` : null;
  }
  const select = element.querySelector("select");
  if (select?.multiple) return [...select.selectedOptions].map((option) => option.value);
  return (select ?? element.querySelector(".typed"))?.value || null;
}

function checked(element) {
  return [...element.querySelectorAll("input:checked")].map((input) => input.value);
}

const WITHOUT_STATE = new Set(["button", "overflow", "image"]);

function stateful(surface) {
  return [...surface.querySelectorAll(".element")].filter(
    (element) => !WITHOUT_STATE.has(element.dataset.type) && element.dataset.actionId,
  );
}

export function stateOf(surface) {
  const values = {};
  for (const element of stateful(surface)) {
    const { blockId, actionId } = element.dataset;
    (values[blockId] ??= {})[actionId] = entered(element);
  }
  return values;
}

// What was entered, or is being typed, survives new content where block_id, action_id and kind stay
// the same. Asked for right before the new content takes the old one's place.
export function remember(surface) {
  const kept = new Map();
  for (const element of stateful(surface)) kept.set(keyOf(element), snapshot(element));
  return kept;
}

export function restore(surface, kept) {
  for (const element of stateful(surface)) {
    const values = kept.get(keyOf(element));
    if (values) putBack(element, values);
    if (element.querySelector("[data-counter]")) count(element);
  }
}

function keyOf({ dataset }) {
  return JSON.stringify([dataset.blockId, dataset.actionId, dataset.type]);
}

function snapshot(element) {
  return {
    texts: [...element.querySelectorAll(".typed")].map((field) => field.value),
    chosen: [...element.querySelectorAll("select option:checked, input:checked")].map(({ value }) => value),
    files: [...element.querySelectorAll("[data-file-list] > li")],
    typing: element.querySelector("[data-select]")?.combo?.handOver(),
  };
}

function putBack(element, { texts, chosen, files, typing }) {
  element.querySelectorAll(".typed").forEach((field, at) => {
    field.value = texts[at] ?? "";
  });
  for (const choice of element.querySelectorAll("select option")) choice.selected = chosen.includes(choice.value);
  for (const choice of element.querySelectorAll(".tick input")) choice.checked = chosen.includes(choice.value);
  const combo = element.querySelector("[data-select]")?.combo;
  combo?.show();
  if (typing) combo?.resume(typing);
  element.querySelector("[data-file-list]")?.replaceChildren(...files);
}

function count(element) {
  const field = element.querySelector(".typed");
  const counter = element.querySelector("[data-counter]");
  const left = Number(field.dataset.max) - [...field.value].length;
  counter.textContent = left;
  counter.classList.toggle("is-over", left < 0);
  field.setAttribute("aria-invalid", String(left < 0 || Boolean(element.closest(".has-error"))));
}

// Where an element stands: in a view or in a message.
function surfaceOf(element) {
  const view = element.closest("[data-view]");
  if (view) return { surface: view, where: { view: view.dataset.view } };
  const message = element.closest("[data-ts]");
  const { channel } = message.closest("[data-messages], [data-thread-messages]").dataset;
  return { surface: message, where: { channel, ts: message.dataset.ts } };
}

async function tell(element, value, source) {
  const busy = source?.closest(".btn");
  if (busy?.classList.contains("is-busy")) return;
  if (!(await confirmed(element))) return;
  const { surface, where } = surfaceOf(element);
  busy?.classList.add("is-busy");
  busy?.setAttribute("aria-busy", "true");
  const { blockId, actionId } = element.dataset;
  await post("/press", { ...where, block_id: blockId, action_id: actionId, value, values: stateOf(surface) });
  busy?.classList.remove("is-busy");
  busy?.removeAttribute("aria-busy");
}

function confirmed(element) {
  const template = element.querySelector("template[data-confirm]");
  if (!template) return Promise.resolve(true);
  const dialog = document.querySelector("[data-confirm-dialog]");
  dialog.replaceChildren(template.content.cloneNode(true));
  dialog.setAttribute("aria-label", dialog.querySelector(".dialog-title").textContent);
  dialog.returnValue = "";
  return new Promise((resolve) => {
    dialog.querySelector("[data-deny]").addEventListener("click", () => dialog.close());
    dialog.querySelector("[data-go-on]").addEventListener("click", () => dialog.close("yes"));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

export function startElements() {
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-press]");
    if (!pressed) return;
    const element = pressed.closest(".element");
    const option = pressed.dataset.option ? JSON.parse(pressed.dataset.option).value : null;
    if (pressed.tagName === "A" && pressed.getAttribute("href") === "#") event.preventDefault();
    tell(element, option, option === null ? pressed : null);
  });
  document.addEventListener("change", (event) => {
    const element = event.target.closest(".element");
    if (!element) return;
    if (event.target.matches("[data-file-chooser]")) {
      upload(event.target, element);
      return;
    }
    if (event.target.matches("[type=text], [type=url], [type=email], textarea")) return;
    if ("dispatch" in element.dataset) tell(element, entered(element));
    saveSoon(element);
  });
  document.addEventListener("input", (event) => {
    const element = event.target.closest(".element");
    if (!element || !event.target.matches(".typed")) return;
    if (element.querySelector("[data-counter]")) count(element);
    const { dispatch } = element.dataset;
    if (dispatch?.includes("on_character_entered")) tellSoon(element);
    saveSoon(element);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input.typed")) return;
    const element = event.target.closest(".element");
    if (element?.dataset.dispatch?.includes("on_enter_pressed")) {
      event.preventDefault();
      tell(element, entered(element));
    }
  });
}

const pauses = new Map();

function later(key, action) {
  clearTimeout(pauses.get(key));
  pauses.set(key, setTimeout(() => {
    pauses.delete(key);
    action();
  }, TYPING_PAUSE));
}

function tellSoon(element) {
  later(keyOf(element), () => {
    if (element.isConnected) tell(element, entered(element));
  });
}

// What is typed into a form is kept by the server too: it survives a reload.
function saveSoon(element) {
  const form = element.closest("form[data-view]");
  if (form) later(form.dataset.view, () => form.isConnected && save(form));
}

export function forgetSaving(form) {
  clearTimeout(pauses.get(form.dataset.view));
}

function save(form) {
  fetch(`${document.body.dataset.base}/typed`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ view: form.dataset.view, values: stateOf(form) }),
  }).catch(() => {}); // The form itself still holds it.
}

const uploads = new Set();

// Resolves once the files that were chosen so far have arrived at the server.
export function uploaded() {
  return Promise.all(uploads);
}

function upload(chooser, element) {
  const all = addChosen(chooser, element).finally(() => uploads.delete(all));
  uploads.add(all);
}

async function addChosen(chooser, element) {
  const list = element.querySelector("[data-file-list]");
  const room = Number(element.querySelector("[data-files]").dataset.max) - list.children.length;
  const files = [...chooser.files];
  chooser.value = "";
  await Promise.all(files.slice(0, Math.max(room, 0)).map((file) => addFile(list, file)));
  if (files.length > room) {
    toast(`No more than ${list.children.length} files can be added here.`);
  }
  if ("dispatch" in element.dataset) tell(element, entered(element));
  saveSoon(element);
}

// Sends one file to the server and shows it in a list.
export async function addFile(list, file) {
  const item = document.createElement("li");
  item.className = "file is-loading";
  const name = document.createElement("span");
  name.className = "file-name";
  name.textContent = file.name;
  name.title = file.name;
  const size = document.createElement("span");
  size.className = "file-size";
  size.textContent = sizeInWords(file.size);
  name.append(size);
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "icon-button";
  remove.dataset.removeFile = "";
  remove.setAttribute("aria-label", `Remove ${file.name}`);
  remove.append(iconNamed("close"));
  item.append(iconNamed("file"), name, remove);
  list.append(item);
  const form = new FormData();
  form.append("file", file);
  const answer = await post("/upload", form);
  if (!answer) {
    item.remove();
    return;
  }
  item.classList.remove("is-loading");
  item.dataset.fileId = answer.id;
  if (answer.picture) {
    const picture = document.createElement("img");
    picture.src = answer.picture;
    picture.alt = "";
    item.firstElementChild.replaceWith(picture);
  }
}

export function startFileLists() {
  document.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-remove-file]");
    if (!remove) return;
    const element = remove.closest(".element");
    const list = remove.closest("[data-file-list]");
    remove.closest("li").remove();
    (list.querySelector("[data-remove-file]") ?? list.parentElement.querySelector("[type=file]")).focus();
    if (element) saveSoon(element);
  });
}
