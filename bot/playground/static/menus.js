// Menu buttons: arrow keys, Escape, a click elsewhere.

let opened = null;

export function startMenus() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu-button]");
    if (button) {
      const wasOpen = opened?.button === button;
      closeMenu();
      if (!wasOpen) openMenu(button, event.detail === 0);
      return;
    }
    if (opened && (!opened.menu.contains(event.target) || event.target.closest("[role^=menuitem]"))) {
      closeMenu(Boolean(event.target.closest("[role^=menuitem]")));
    }
  });
  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.("[data-menu-button]");
    if (button && !opened && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      openMenu(button, true);
    } else if (opened) {
      onKey(event);
    }
  });
  document.addEventListener("scroll", follow, { capture: true, passive: true });
  window.addEventListener("resize", () => closeMenu());
}

function itemsOf(menu) {
  return [...menu.querySelectorAll("[role^=menuitem]")];
}

function openMenu(button, withKeyboard) {
  const menu = button.parentElement.querySelector(".menu");
  menu.hidden = false;
  button.setAttribute("aria-expanded", "true");
  opened = { button, menu };
  place(menu, button);
  const items = itemsOf(menu);
  const chosen = items.find((item) => item.getAttribute("aria-checked") === "true");
  if (withKeyboard) (chosen ?? items[0])?.focus();
  else menu.focus?.();
}

function place(menu, button) {
  // Measured where nothing squeezes it.
  menu.style.left = menu.style.top = "0";
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const wanted = button.dataset.menuAlign === "end" ? box.right - width : box.left;
  const below = box.bottom + 4 + height <= innerHeight || box.top < height;
  menu.style.left = `${Math.max(8, Math.min(wanted, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? Math.min(box.bottom + 4, Math.max(8, innerHeight - height - 8)) : box.top - height - 4}px`;
}

// A new message moves those above it: the menu stays at its button as long as that is seen.
function follow({ target }) {
  if (!opened?.button.isConnected || !target.contains(opened.button)) return;
  const { top, bottom } = opened.button.getBoundingClientRect();
  const area = target === document ? { top: 0, bottom: innerHeight } : target.getBoundingClientRect();
  if (bottom < area.top || top > area.bottom) closeMenu();
  else place(opened.menu, opened.button);
}

export function closeMenu(backToButton = false) {
  if (!opened) return;
  const { button, menu } = opened;
  opened = null;
  menu.hidden = true;
  button.setAttribute("aria-expanded", "false");
  if (backToButton) button.focus();
}

function onKey(event) {
  const items = itemsOf(opened.menu);
  const at = items.indexOf(document.activeElement);
  const go = {
    ArrowDown: () => items[(at + 1) % items.length],
    ArrowUp: () => items[(at + items.length - (at < 0 ? 0 : 1)) % items.length],
    Home: () => items[0],
    End: () => items.at(-1),
  }[event.key];
  if (go) {
    event.preventDefault();
    go()?.focus();
  } else if (event.key === "Escape") {
    event.preventDefault();
    closeMenu(true);
  } else if (event.key === "Tab") {
    closeMenu(true);
  } else if (event.key.length === 1 && at >= 0 && event.key !== " ") {
    const start = event.key.toLowerCase();
    items.find((item) => item.textContent.trim().toLowerCase().startsWith(start))?.focus();
  }
}
