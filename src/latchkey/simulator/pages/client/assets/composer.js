// The field in which messages are written. It completes /commands, @people and #channels.

import { h, icon, newId } from "./dom.js";
import { act, state } from "./store.js";

const MAX_OFFERED = 8;

export function composer(placeholder, thread = "") {
  const listId = newId("offers");
  let offers = [];
  let chosen = 0;
  const field = h("textarea", {
    rows: "1", placeholder, "aria-label": placeholder, "aria-autocomplete": "list", "aria-controls": listId,
    oninput: () => { grow(); offer(); }, onkeydown: keyed, onblur: () => setTimeout(hide, 150),
  });
  const list = h("div", { class: "offers", role: "listbox", id: listId, "aria-label": "Suggestions", hidden: true });
  const sendButton = h("button", { class: "primary send", "aria-label": "Send", title: "Send" }, icon("send"));
  const form = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); send(); } }, list, field, sendButton);

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 200)}px`;
  }

  async function send() {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    hide();
    grow();
    await act("write", { text, thread_ts: thread });
  }

  function offer() {
    offers = offersFor(field.value.slice(0, field.selectionStart), thread);
    chosen = 0;
    show();
  }

  function show() {
    list.hidden = !offers.length;
    list.replaceChildren(...offers.map((each, index) => h("div", {
      role: "option", id: `${listId}-${index}`, "aria-selected": String(index === chosen), class: "offer",
      onpointerdown: (event) => { event.preventDefault(); complete(each); },
    }, h("b", null, each.text), h("span", { class: "soft" }, each.note ?? ""))));
    if (offers.length) field.setAttribute("aria-activedescendant", `${listId}-${chosen}`);
    else field.removeAttribute("aria-activedescendant");
  }

  function hide() {
    offers = [];
    show();
  }

  function complete(each) {
    const end = field.selectionStart;
    const before = field.value.slice(0, end).replace(/\S*$/, each.text);
    field.value = `${before} ${field.value.slice(end)}`;
    field.selectionStart = field.selectionEnd = before.length + 1;
    hide();
    field.focus();
  }

  function keyed(event) {
    if (event.isComposing) return;
    if (offers.length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length;
      show();
    } else if (offers.length && event.key === "Escape") {
      event.preventDefault();
      hide();
    } else if (offers.length && (event.key === "Tab" || event.key === "Enter") && !isTyped(offers[chosen])) {
      event.preventDefault();
      complete(offers[chosen]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  }

  // Whether an offer is in the field already, so that Enter sends it.
  const isTyped = (each) => field.value.slice(0, field.selectionStart).endsWith(each.text);

  return { element: form, focus: () => field.focus() };
}

function offersFor(before, thread) {
  const word = /(?:^|\s)([/@#]\S*)$/.exec(before)?.[1] ?? "";
  const typed = word.slice(1).toLowerCase();
  const matches = (name) => name.toLowerCase().startsWith(typed);
  let found = [];
  if (word.startsWith("/") && before === word && !thread) {
    found = state.app.commands.filter((each) => matches(each.command.slice(1))).map((each) => ({ text: each.command, note: each.usage_hint || each.description }));
  } else if (word.startsWith("@")) {
    const app = { name: state.app.name.toLowerCase().replaceAll(" ", ""), real_name: `${state.app.name} (app)` };
    found = [app, ...state.people].filter((each) => matches(each.name)).map((each) => ({ text: `@${each.name}`, note: each.real_name }));
  } else if (word.startsWith("#")) {
    found = state.channels.filter((each) => each.kind === "channel" && matches(each.name)).map((each) => ({ text: `#${each.name}` }));
  }
  return found.slice(0, MAX_OFFERED);
}
