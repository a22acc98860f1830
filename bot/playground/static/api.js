// Talking to the server, and telling the person when that didn't work.

export const page = document.body.dataset;

export function iconNamed(name) {
  const icons = document.querySelector("template[data-icons]").content;
  return icons.querySelector(`[data-name="${name}"]`).firstElementChild.cloneNode(true);
}

let toasts = null;

export function toast(words) {
  // It may have gone with a dialog that it lay in.
  toasts ??= document.querySelector("[data-toasts]");
  const note = document.createElement("div");
  note.className = "toast";
  const text = document.createElement("span");
  text.textContent = words;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button";
  close.setAttribute("aria-label", "Dismiss");
  close.append(iconNamed("close"));
  close.addEventListener("click", () => note.remove());
  note.append(text, close);
  // A dialog lies above the rest of the page: what is said must lie in it to be seen.
  (document.querySelector("dialog[open]") ?? document.body).append(toasts);
  toasts.append(note);
  setTimeout(() => note.remove(), 12000);
}

// Posts JSON or a form; gives the answer, or null after having told the person what went wrong.
export async function post(path, body) {
  const form = body instanceof FormData;
  let answer;
  try {
    const response = await fetch(page.base + path, {
      method: "POST",
      headers: form ? {} : { "Content-Type": "application/json" },
      body: form ? body : JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    answer = { problem: "The playground doesn't answer. Is it still running?" };
  }
  if (answer.problem) {
    toast(answer.problem);
    return null;
  }
  return answer;
}

export async function fragment(path) {
  const template = document.createElement("template");
  try {
    const response = await fetch(page.base + path);
    if (!response.ok) return null;
    template.innerHTML = await response.text(); // It may end halfway too.
  } catch {
    return null; // The stream's next "open" fetches everything again.
  }
  return template.content;
}

// Runs an update again and again as long as it is asked for, one at a time: the last one wins.
export function coalesced(update) {
  let running = null;
  let again = false;
  return function ask() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      try {
        do {
          again = false;
          await update();
        } while (again);
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

// Changes part of the page and leaves the keyboard where it was: in the same element of Block Kit,
// or else in what has the same id, or in the message.
export function keepingFocus(container, change) {
  const active = container.contains(document.activeElement) ? document.activeElement : null;
  const find = active && waysBackTo(active);
  const selection = active && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null;
  change();
  const again = find?.();
  if (!again || again === document.activeElement) return;
  again.focus({ preventScroll: true });
  try {
    if (selection && selection[0] !== null) again.setSelectionRange(...selection);
  } catch {
    // Dates and numbers have no selection.
  }
}

const FOCUSABLE = "a, button, input, textarea";

function waysBackTo(active) {
  const element = active.closest(".element");
  const message = active.closest("article")?.id;
  if (!element) return () => document.getElementById(active.id || message);
  const { blockId, actionId } = element.dataset;
  const surface = active.closest("[data-view], [data-ts]");
  const where = surface.dataset.view ? ["view", surface.dataset.view] : ["ts", surface.dataset.ts];
  const list = active.closest("[data-messages], [data-thread-messages]") ?? document;
  const at = [...element.querySelectorAll(FOCUSABLE)].indexOf(active);
  const withAction = (root) =>
    [...root.querySelectorAll(".element")].filter(({ dataset }) => dataset.actionId === actionId);
  const wasAlone = withAction(surface).length === 1;
  return () => {
    const now = list.querySelector(`[data-${where[0]}="${CSS.escape(where[1])}"]`);
    const found = now ? withAction(now) : [];
    const same =
      found.find(({ dataset }) => dataset.blockId === blockId) ??
      // A block that the app gave no id has another one each time.
      (wasAlone && found.length === 1 ? found[0] : null);
    const candidates = [...(same?.querySelectorAll(FOCUSABLE) ?? [])];
    return candidates[at] ?? candidates[0] ?? document.getElementById(message);
  };
}

export function sizeInWords(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
