// Turns a <select> into a box one can type into, with a list below (the ARIA combobox pattern).
// The <select> stays in the page, hidden, and holds what is chosen.

import { iconNamed } from "./api.js";

export function enhanceSelects(root) {
  for (const wrapper of root.querySelectorAll("[data-select]:not([data-ready])")) new Combo(wrapper);
}

class Combo {
  constructor(wrapper) {
    wrapper.dataset.ready = "";
    this.wrapper = wrapper;
    this.select = wrapper.querySelector("select");
    this.multiple = this.select.multiple;
    this.build();
    this.show();
    wrapper.combo = this;
  }

  build() {
    const { select } = this;
    const id = select.id;
    select.id = `${id}-choice`;
    select.hidden = true;
    this.box = document.createElement("div");
    this.box.className = "combo";
    this.input = document.createElement("input");
    Object.assign(this.input, { id, type: "text", autocomplete: "off", spellcheck: false });
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": `${id}-list`,
    })) this.input.setAttribute(name, value);
    for (const name of ["aria-label", "aria-describedby", "aria-invalid", "data-focus"]) {
      if (select.hasAttribute(name)) this.input.setAttribute(name, select.getAttribute(name));
    }
    this.list = document.createElement("div");
    this.list.className = "options";
    this.list.id = `${id}-list`;
    this.list.setAttribute("role", "listbox");
    if (this.multiple) this.list.setAttribute("aria-multiselectable", "true");
    this.list.setAttribute("aria-label", "Options");
    this.list.hidden = true;
    this.box.append(this.input, iconNamed("chevron"));
    this.wrapper.append(this.box, this.list);

    this.box.addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) return;
      if (event.target !== this.input) event.preventDefault();
      this.input.focus();
      if (this.list.hidden) this.open();
      else if (event.target !== this.input) this.close();
    });
    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.onBlur());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option.choice);
    });
    this.list.addEventListener("mousemove", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.activate(option, false);
    });
  }

  get choices() {
    return [...this.select.options].filter((option) => !("empty" in option.dataset));
  }

  get chosen() {
    return this.choices.filter((option) => option.selected);
  }

  show() {
    for (const chip of this.box.querySelectorAll(".chip")) chip.remove();
    const { placeholder } = this.select.dataset;
    if (!this.multiple) {
      this.input.value = this.chosen[0]?.label ?? "";
      this.input.placeholder = placeholder;
      return;
    }
    for (const option of this.chosen) this.input.before(this.chipFor(option));
    this.input.value = "";
    this.input.placeholder = this.chosen.length ? "" : placeholder;
  }

  chipFor(option) {
    const chip = document.createElement("span");
    chip.className = "chip";
    const name = document.createElement("span");
    name.textContent = option.label;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove ${option.label}`);
    remove.append(iconNamed("close"));
    remove.addEventListener("click", () => {
      option.selected = false;
      this.changed();
      this.input.focus();
    });
    chip.append(name, remove);
    return chip;
  }

  open(filter = "") {
    this.filter = filter;
    const words = filter.trim().toLowerCase();
    const found = this.choices.filter((option) => option.label.toLowerCase().includes(words));
    this.list.replaceChildren();
    let group = null;
    for (const choice of found) {
      const parent = choice.parentElement;
      if (parent.tagName === "OPTGROUP" && parent !== group) {
        group = parent;
        const title = document.createElement("div");
        title.className = "option-group";
        title.textContent = parent.label;
        title.setAttribute("role", "presentation");
        this.list.append(title);
      }
      this.list.append(this.optionFor(choice));
    }
    if (!found.length) {
      const none = document.createElement("div");
      none.className = "no-options";
      none.textContent = "No matches";
      this.list.append(none);
    }
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.place();
    const options = this.options;
    const current = options.find((option) => option.choice.selected);
    this.activate(words || this.multiple ? options[0] : (current ?? options[0]));
    this.whileOpen ??= (event) => {
      if (!this.list.contains(event.target)) this.place();
    };
    document.addEventListener("scroll", this.whileOpen, { capture: true, passive: true });
  }

  optionFor(choice) {
    const option = document.createElement("div");
    option.className = "option";
    option.id = `${this.list.id}-${this.choices.indexOf(choice)}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(choice.selected));
    option.textContent = choice.label;
    if (choice.dataset.description) {
      const more = document.createElement("span");
      more.className = "tick-more";
      more.textContent = choice.dataset.description;
      option.append(more);
    }
    option.choice = choice;
    return option;
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  place() {
    const box = this.box.getBoundingClientRect();
    const { style } = this.list;
    style.width = `${Math.min(Math.max(box.width, 220), innerWidth - 16)}px`;
    style.left = `${Math.max(8, Math.min(box.left, innerWidth - this.list.offsetWidth - 8))}px`;
    const below = innerHeight - box.bottom - 12;
    const above = box.top - 12;
    const down = below >= Math.min(this.list.scrollHeight, 220) || below >= above;
    style.maxHeight = `${Math.min(280, down ? below : above)}px`;
    style.top = down ? `${box.bottom + 4}px` : "auto";
    style.bottom = down ? "auto" : `${innerHeight - box.top + 4}px`;
  }

  activate(option, scroll = true) {
    this.list.querySelector(".is-active")?.classList.remove("is-active");
    if (!option) {
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    option.classList.add("is-active");
    this.input.setAttribute("aria-activedescendant", option.id);
    if (scroll) option.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    document.removeEventListener("scroll", this.whileOpen, { capture: true });
  }

  choose(choice) {
    if (this.multiple) {
      choice.selected = !choice.selected;
      this.changed();
      this.open();
    } else {
      const before = this.chosen[0];
      this.select.value = choice.value;
      choice.selected = true;
      this.show();
      this.close();
      if (before !== choice) this.changed();
    }
  }

  changed() {
    this.show();
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // What somebody is typing, for the box that takes this one's place; from now on this one is silent.
  handOver() {
    this.isReplaced = true;
    document.removeEventListener("scroll", this.whileOpen, { capture: true });
    if (this.list.hidden) return null;
    const { filter, input } = this;
    const active = this.options.find((option) => option.classList.contains("is-active"));
    const selection = [input.selectionStart, input.selectionEnd];
    return { filter, text: input.value, selection, active: active?.choice.value };
  }

  resume({ filter, text, selection, active }) {
    this.input.value = text;
    this.input.focus({ preventScroll: true });
    this.input.setSelectionRange(...selection);
    this.open(filter);
    const same = this.options.find((option) => option.choice.value === active);
    if (same) this.activate(same);
  }

  onBlur() {
    if (this.isReplaced) return;
    const emptied = !this.multiple && this.input.value === "" && this.chosen.length;
    this.close();
    if (emptied && this.wrapper.closest("[data-input-block]")) {
      this.select.selectedIndex = 0;
      this.changed();
    }
    this.show();
  }

  onKey(event) {
    const isOpen = !this.list.hidden;
    const { options } = this;
    const at = options.findIndex((option) => option.classList.contains("is-active"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return this.open();
      const step = event.key === "ArrowDown" ? 1 : options.length - 1;
      return this.activate(options[(at + step) % options.length]);
    }
    if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      if (options[at]) this.choose(options[at].choice);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.open();
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
      this.show();
    } else if (event.key === "Backspace" && this.multiple && !this.input.value && this.chosen.length) {
      this.chosen.at(-1).selected = false;
      this.changed();
      this.open();
    }
    return undefined;
  }
}
