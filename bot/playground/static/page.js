// Starts the page, and keeps it live: the server says what changed, the page fetches that part.

import { coalesced, fragment, keepingFocus, page } from "./api.js";
import { Composer } from "./composer.js";
import { enhance, remember, restore, startElements, startFileLists } from "./elements.js";
import { startMenus } from "./menus.js";
import { MessageList, startMessageActions } from "./messages.js";
import { refreshModal, startModal } from "./modal.js";

const pane = document.querySelector("[data-thread]");
let timeline = null;
let thread = null;

function startTimeline() {
  const list = document.querySelector("[data-messages]");
  if (!list) return;
  const from = new URLSearchParams(location.search).get("from");
  timeline = new MessageList(list, document.querySelector("[data-scroller]"), `/${page.channel}/messages${from ? `?from=${from}` : ""}`);
  const composer = new Composer(document.querySelector(".composer-place [data-composer]"), page.channel);
  document.addEventListener("click", (event) => {
    const example = event.target.closest("[data-try]");
    if (example) composer.put(example.dataset.try);
  });
  if (matchMedia("(min-width: 761px)").matches && pane.hidden) composer.text.focus({ preventScroll: true });
}

function startThread() {
  const list = pane.querySelector("[data-thread-messages]");
  if (!list) {
    thread = null;
    return;
  }
  const { threadTs } = list.dataset;
  thread = new MessageList(list, pane.querySelector("[data-thread-scroller]"), `/${page.channel}/messages?thread=${threadTs}`);
  thread.ts = threadTs;
  thread.composer = new Composer(pane.querySelector("[data-composer]"), page.channel);
}

async function openThread(ts, { push = true, focus = true } = {}) {
  const content = await fragment(`/${page.channel}/thread/${ts}`);
  if (!content) return;
  pane.replaceChildren(content);
  pane.hidden = false;
  startThread();
  if (push) history.pushState({ thread: ts }, "", `${page.base}/${page.channel}?thread=${ts}`);
  if (focus) thread.composer.text.focus();
}

function closeThread({ push = true } = {}) {
  const from = thread?.ts;
  pane.hidden = true;
  pane.replaceChildren();
  thread = null;
  if (push) history.pushState({}, "", `${page.base}/${page.channel}`);
  const back = from && document.querySelector(`[data-messages] [data-ts="${from}"] [data-open-thread]`);
  (back || document.querySelector(".composer-place textarea"))?.focus();
}

function startPanes() {
  document.addEventListener("click", (event) => {
    const open = event.target.closest("[data-open-thread]");
    const close = event.target.closest("[data-close-thread]");
    if (open && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      openThread(open.dataset.openThread);
    } else if (close) {
      event.preventDefault();
      closeThread();
    }
  });
  window.addEventListener("popstate", () => {
    const ts = new URLSearchParams(location.search).get("thread");
    if (ts) openThread(ts, { push: false });
    else if (!pane.hidden) closeThread({ push: false });
  });
  pane.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) closeThread();
  });
}

function startDrawer() {
  const button = document.querySelector("[data-drawer]");
  const scrim = document.querySelector("[data-scrim]");
  const set = (open) => {
    document.body.classList.toggle("drawer-open", open);
    button.setAttribute("aria-expanded", String(open));
    scrim.hidden = !open;
    if (open) document.querySelector(".sidebar a").focus();
    else button.focus();
  };
  button.addEventListener("click", () => set(!document.body.classList.contains("drawer-open")));
  scrim.addEventListener("click", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("drawer-open")) set(false);
  });
}

function startWelcome() {
  const note = document.querySelector("[data-welcome]");
  if (!note) return;
  note.hidden = localStorage.getItem("welcome") === "dismissed";
  note.querySelector("[data-dismiss]").addEventListener("click", () => {
    localStorage.setItem("welcome", "dismissed");
    note.hidden = true;
    document.querySelector("[data-composer] textarea").focus();
  });
}

const refreshSidebar = coalesced(async () => {
  const place = document.querySelector("[data-sidebar]");
  const content = await fragment(`/sidebar?here=${page.place === "home" ? "home" : page.channel}`);
  if (content) keepingFocus(place, () => place.replaceChildren(content));
});

const refreshHome = coalesced(async () => {
  const place = document.querySelector("[data-home]");
  if (!place) return;
  const content = await fragment("/home-view");
  if (!content) return;
  const shown = (root) => root.querySelector("[data-view]")?.dataset.version;
  if (shown(place) && shown(place) === shown(content)) return;
  const kept = remember(place);
  keepingFocus(place, () => {
    place.replaceChildren(content);
    enhance(place);
    restore(place, kept);
  });
});

function changed(change) {
  switch (change.kind) {
    case "message":
      if (change.channel === page.channel) {
        timeline?.refreshOne(change.ts);
        // A reply changes what stands below its parent.
        if (change.thread_ts) timeline?.refreshOne(change.thread_ts);
        if (thread && [change.ts, change.thread_ts].includes(thread.ts)) thread.refreshOne(change.ts);
      }
      refreshSidebar();
      break;
    case "modal":
      refreshModal();
      break;
    case "home":
      refreshHome();
      break;
    case "app":
      document.querySelector("[data-app-away]").hidden = change.connected;
      refreshHome();
      break;
    default:
      refreshEverything();
  }
}

function refreshEverything() {
  timeline?.refreshAll();
  thread?.refreshAll();
  refreshSidebar();
  refreshModal();
  refreshHome();
}

function startStream() {
  const stream = new EventSource(`${page.base}/stream?here=${page.place === "home" ? "" : page.channel}`);
  stream.addEventListener("message", (event) => changed(JSON.parse(event.data)));
  // Also after a lost connection: whatever happened meanwhile is fetched.
  stream.addEventListener("open", refreshEverything);
  window.addEventListener("pagehide", () => stream.close());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}

function showTarget() {
  const ts = new URLSearchParams(location.search).get("message");
  const target = ts && document.querySelector(`article[data-ts="${CSS.escape(ts)}"]`);
  if (!target) return;
  target.classList.add("is-target");
  target.scrollIntoView({ block: "center" });
}

startMenus();
startElements();
startFileLists();
startMessageActions();
startPanes();
startDrawer();
startWelcome();
startThread();
startTimeline();
const home = document.querySelector("[data-home]");
if (home) enhance(home);
startModal();
showTarget();
startStream();
