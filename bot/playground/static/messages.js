// The list of messages: new ones arrive, edited ones change in place, days are divided.

import { coalesced, fragment, keepingFocus, page, post, toast } from "./api.js";
import { enhance, remember, restore } from "./elements.js";

const NEAR = 5 * 60;

export class MessageList {
  constructor(list, scroller, path) {
    this.list = list;
    this.scroller = scroller;
    this.path = path;
    this.wanted = new Set();
    this.atEnd = true;
    this.refresh = coalesced(() => this.update());
    enhance(list);
    if ("messages" in list.dataset) for (const message of list.querySelectorAll("article")) this.place(message);
    this.arrange();
    scroller.addEventListener("scroll", () => {
      this.atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    }, { passive: true });
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(list);
    this.toEnd();
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.atEnd = true;
  }

  refreshOne(ts) {
    this.wanted.add(ts);
    return this.refresh();
  }

  refreshAll() {
    this.wanted.add("all");
    return this.refresh();
  }

  async update() {
    const wanted = [...this.wanted];
    this.wanted.clear();
    const all = wanted.includes("all");
    const query = all ? "" : wanted.map((ts) => `ts=${ts}`).join("&");
    const content = await fragment(`${this.path}${this.path.includes("?") ? "&" : "?"}${query}`);
    if (!content || !this.list.isConnected) return;
    const found = [...content.querySelectorAll("article")];
    const present = new Set(found.map((message) => message.dataset.ts));
    const gone = all ? [...this.list.querySelectorAll("article")].map(({ dataset }) => dataset.ts) : wanted;
    for (const ts of gone) if (!present.has(ts)) this.find(ts)?.remove();
    for (const message of found) this.put(message, all);
    this.arrange();
    if (this.atEnd) this.toEnd();
  }

  find(ts) {
    return this.list.querySelector(`article[data-ts="${CSS.escape(ts)}"]`);
  }

  put(message) {
    const before = this.find(message.dataset.ts);
    if (before) {
      if (before.dataset.version === message.dataset.version) return;
      const kept = remember(before);
      keepingFocus(before, () => {
        before.replaceWith(message);
        enhance(message);
        restore(message, kept);
      });
      return;
    }
    this.place(message);
    enhance(message);
    if (message.dataset.author === page.user) this.atEnd = true;
    else message.classList.add("is-new");
  }

  // In the order of time; in the channel each day has a place of its own, below its divider.
  place(message) {
    const parent = "messages" in this.list.dataset ? this.dayOf(message) : this.list;
    parent.insertBefore(message, laterThan(message, parent.querySelectorAll("article")));
  }

  dayOf({ dataset }) {
    const days = [...this.list.querySelectorAll(".day-group")];
    const known = days.find((day) => day.dataset.day === dataset.day);
    if (known) return known;
    const group = document.createElement("div");
    group.className = "day-group";
    group.dataset.day = dataset.day;
    group.append(...dayLine(dataset.dayName));
    this.list.insertBefore(group, days.find((day) => day.dataset.day > dataset.day) ?? null);
    return group;
  }

  // One head for several messages somebody writes in a row.
  arrange() {
    for (const line of this.list.querySelectorAll(".replies-line")) line.remove();
    for (const day of this.list.querySelectorAll(".day-group:not(:has(article))")) day.remove();
    let before = null;
    for (const message of this.list.querySelectorAll("article")) {
      const near = before && Number(message.dataset.ts) - Number(before.dataset.ts) < NEAR;
      // What only one person sees has a head of its own, and so has what everybody sees after it.
      const forAll = ![before, message].some((one) => one?.querySelector(".only-you"));
      const follows = near && forAll && before.dataset.day === message.dataset.day && before.dataset.author === message.dataset.author;
      message.classList.toggle("follows", Boolean(follows));
      before = message;
    }
    if (!("messages" in this.list.dataset)) this.countReplies();
  }

  countReplies() {
    const [parent, ...replies] = this.list.querySelectorAll("article");
    if (!replies.length || parent.dataset.ts !== this.list.dataset.threadTs) return;
    const line = document.createElement("p");
    line.className = "replies-line";
    line.textContent = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
    parent.after(line);
    replies[0].classList.remove("follows");
  }
}

function laterThan(message, others) {
  return [...others].find((other) => other !== message && other.dataset.ts > message.dataset.ts) ?? null;
}

function dayLine(name) {
  const line = document.createElement("div");
  line.className = "day";
  line.setAttribute("role", "separator");
  line.setAttribute("aria-label", name);
  const text = document.createElement("span");
  text.textContent = name;
  line.append(text);
  const rule = document.createElement("hr");
  rule.className = "day-rule";
  rule.setAttribute("aria-hidden", "true");
  return [rule, line];
}

export function startMessageActions() {
  document.addEventListener("click", async (event) => {
    const shortcut = event.target.closest("[data-shortcut]");
    const copy = event.target.closest("[data-copy-link]");
    const picture = event.target.closest("[data-enlarge]");
    if (shortcut) {
      const message = shortcut.closest("[data-ts]");
      const { channel } = message.closest("[data-channel]").dataset;
      await post("/shortcut", { channel, ts: message.dataset.ts, callback_id: shortcut.dataset.shortcut });
    } else if (copy) {
      await navigator.clipboard?.writeText(copy.dataset.copyLink).catch(() => {});
      toast("The link is on the clipboard.");
    } else if (picture) {
      enlarge(picture);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches?.("[data-enlarge]") && ["Enter", " "].includes(event.key)) {
      event.preventDefault();
      enlarge(event.target);
    }
  });
  const dialog = document.querySelector("dialog[data-enlarged]");
  dialog.addEventListener("click", () => dialog.close());
}

function enlarge(picture) {
  const dialog = document.querySelector("dialog[data-enlarged]");
  const large = new Image();
  large.src = picture.src;
  large.alt = picture.alt;
  const close = document.createElement("button");
  close.className = "icon-button";
  close.setAttribute("aria-label", "Close picture");
  close.textContent = "✕";
  dialog.replaceChildren(large, close);
  dialog.showModal();
}
