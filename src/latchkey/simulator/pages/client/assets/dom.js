// Builds elements. Text is only ever set as text, so nothing that an app sends becomes markup.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  close: "M4 4l8 8M12 4l-8 8",
  menu: "M2 4h12M2 8h12M2 12h12",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  reply: "M6 4L2 8l4 4M2 8h8a4 4 0 0 1 4 4v1",
  smile: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.5 9.5a3 3 0 0 0 5 0M6 6h.01M10 6h.01",
  send: "M2 8h11M9 4l4 4-4 4",
  bolt: "M9 1L3 9h4l-1 6 6-8H8z",
  eye: "M1 8s2.5-5 7-5 7 5 7 5-2.5 5-7 5-7-5-7-5zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  stop: "M4 4h8v8H4z",
};

// Returns an element. Properties: class, dataset, on… (listeners), and attributes; null and false are left out.
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, properties) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...properties }, icon(name));
}

let numbers = 0;

// Returns an id that no other element has.
export function newId(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

// Opens a dialog that Escape closes; `closed` is called once, however it ends. Returns a function that closes it.
export function openDialog(properties, children, closed) {
  const dialog = h("dialog", properties, children);
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.();
  });
  dialog.showModal();
  return () => dialog.close();
}

// Opens a menu below a button. Items: {label, note, choose}.
export function openMenu(button, items) {
  document.querySelector(".menu")?.remove();
  const close = (focus) => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    if (focus) button.focus();
  };
  const outside = (event) => menu.contains(event.target) || close(false);
  const buttons = items.map(({ label, note, choose }) =>
    h("button", { type: "button", role: "menuitem", onclick: () => { close(true); choose(); } }, label, note && h("small", null, note)));
  const menu = h("div", { class: "menu", role: "menu" }, buttons);
  menu.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "Escape") { event.stopPropagation(); close(true); }
    if (event.key === "ArrowDown") { event.preventDefault(); buttons[(at + 1) % buttons.length].focus(); }
    if (event.key === "ArrowUp") { event.preventDefault(); buttons[(at + buttons.length - 1) % buttons.length].focus(); }
    if (event.key === "Tab") close(false);
  });
  // In the dialog if there is one: what is outside an open dialog cannot be used.
  (button.closest("dialog") ?? document.body).append(menu);
  const box = button.getBoundingClientRect();
  const width = menu.offsetWidth, height = menu.offsetHeight;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  menu.style.top = `${box.bottom + height + 8 > innerHeight ? Math.max(8, box.top - height - 4) : box.bottom + 4}px`;
  document.addEventListener("pointerdown", outside, true);
  buttons[0]?.focus();
}
