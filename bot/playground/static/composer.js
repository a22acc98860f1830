// Where one writes: commands are suggested after a slash, files go along, Enter sends.

import { page, post } from "./api.js";
import { addFile } from "./elements.js";

const commands = JSON.parse(document.querySelector("script[data-commands]").textContent);

export class Composer {
  constructor(form, channel) {
    this.form = form;
    this.channel = channel;
    this.text = form.querySelector("[data-text]");
    this.list = form.querySelector("[data-suggestions]");
    this.files = form.querySelector("[data-file-list]");
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("keydown", (event) => this.onKey(event));
    this.text.addEventListener("blur", () => this.closeList());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    form.querySelector("[data-attach]").addEventListener("change", (event) => {
      const files = [...event.target.files];
      event.target.value = "";
      for (const file of files) addFile(this.files, file).then(() => this.changed());
      this.text.focus();
    });
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.take(option.suggestion);
    });
  }

  put(words) {
    this.text.value = words;
    this.text.focus();
    this.text.setSelectionRange(words.length, words.length);
    this.changed();
  }

  changed() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.form.classList.toggle("has-text", Boolean(this.text.value.trim() || this.files.children.length));
    this.suggest();
  }

  suggest() {
    const typed = this.text.value;
    const words = typed.toLowerCase();
    const found = words.startsWith("/") && !words.includes("\n")
      ? commands.filter(({ insert }) => insert.toLowerCase().startsWith(words.trimEnd()))
      : [];
    if (!found.length || (found.length === 1 && typed.trimEnd() !== typed && !found[0].insert.startsWith(words))) {
      this.closeList();
      return;
    }
    const title = document.createElement("li");
    title.className = "suggestions-title";
    title.setAttribute("role", "presentation");
    title.textContent = "Commands: arrow keys to choose, Tab or Enter to take one";
    this.list.replaceChildren(title, ...found.map((suggestion, at) => this.optionFor(suggestion, at)));
    this.list.hidden = false;
    this.text.setAttribute("aria-expanded", "true");
    this.activate(this.options[0]);
  }

  optionFor(suggestion, at) {
    const option = document.createElement("li");
    option.className = "suggestion";
    option.id = `${this.list.id}-${at}`;
    option.setAttribute("role", "option");
    const text = document.createElement("span");
    text.className = "suggestion-text";
    const name = document.createElement("strong");
    name.textContent = suggestion.insert;
    const usage = document.createElement("span");
    usage.className = "suggestion-usage";
    usage.textContent = suggestion.usage ? ` ${suggestion.usage}` : "";
    const what = document.createElement("span");
    what.className = "suggestion-what";
    what.textContent = suggestion.description;
    text.append(name, usage, what);
    option.append(text);
    option.suggestion = suggestion;
    return option;
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  activate(option) {
    for (const other of this.options) other.setAttribute("aria-selected", String(other === option));
    this.text.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  closeList() {
    this.list.hidden = true;
    this.text.setAttribute("aria-expanded", "false");
    this.text.removeAttribute("aria-activedescendant");
  }

  take(suggestion) {
    this.put(`${suggestion.insert} `);
    this.closeList();
  }

  onKey(event) {
    if (event.isComposing) return;
    const { options } = this;
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const chosen = this.list.hidden ? null : options[at]?.suggestion;
    if (chosen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : options.length - 1;
      this.activate(options[(at + step) % options.length]);
    } else if (chosen && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.take(chosen);
    } else if (event.key === "Escape" && chosen) {
      event.preventDefault();
      this.closeList();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      // A command written out is sent; one only begun is completed first.
      if (chosen && chosen.insert.toLowerCase() !== this.text.value.trim().toLowerCase()) this.take(chosen);
      else this.send();
    }
  }

  async send() {
    const text = this.text.value.trim();
    if (this.files.querySelector(".is-loading")) return;
    const files = [...this.files.querySelectorAll("[data-file-id]")].map((file) => file.dataset.fileId);
    if (!text && !files.length) return;
    this.closeList();
    const kept = [...this.files.children];
    this.files.replaceChildren();
    this.put("");
    const thread = this.form.dataset.threadTs || null;
    const answer = await post("/send", { channel: this.channel, text, files, thread_ts: thread });
    if (!answer && !this.text.value) {
      this.files.replaceChildren(...kept);
      this.put(text);
    }
  }
}
