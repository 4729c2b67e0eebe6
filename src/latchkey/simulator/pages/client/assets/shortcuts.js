// Shortcuts of the app: those of its manifest by name, others by their callback_id.

import { h, openDialog, openMenu } from "./dom.js";
import { act, state } from "./store.js";

// Opens the menu of global shortcuts, or of those for this message.
export function askForShortcut(button, message) {
  const type = message ? "message" : "global";
  const use = (callback_id) => (message
    ? act("message_shortcut", { callback_id, channel: message.channel, ts: message.ts })
    : act("shortcut", { callback_id }));
  const known = state.app.shortcuts.filter((each) => each.type === type).map((each) => ({
    label: each.name, note: each.description, choose: () => use(each.callback_id),
  }));
  openMenu(button, [...known, { label: "Shortcut by callback_id…", choose: () => askForId(use) }]);
}

function askForId(use) {
  const input = h("input", { id: "callback-id", autofocus: true, required: true, autocomplete: "off" });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); close(); use(input.value.trim()); } },
    h("h2", null, "Use a shortcut"),
    h("label", { for: "callback-id" }, "callback_id"), input,
    h("div", { class: "dialog-buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"),
      h("button", { class: "primary" }, "Use")));
  const close = openDialog({ class: "dialog", "aria-label": "Use a shortcut" }, [form]);
}
