// Forms (modals) as dialogs, and App Homes.

import { renderBlocks } from "./blocks/blocks.js";
import { Values } from "./blocks/values.js";
import { h, iconButton, replace } from "./dom.js";
import { act, go, state } from "./store.js";
import { plain } from "./text/mrkdwn.js";

let shown = null;

// Shows the topmost form that this person has open, or none.
export function showViews() {
  const top = state.views.at(-1);
  if (shown && shown.id === top?.id && shown.hash === top.hash) {
    shown.showErrors(top.errors);
    return;
  }
  const before = shown;
  shown = null;
  const values = before && before.id === top?.id ? before.values : new Values();
  before?.dialog.remove();
  if (top) shown = new Form(top, values, state.views.length > 1);
  else document.querySelector(".composer textarea")?.focus();
}

class Form {
  constructor({ id, hash, view, errors }, values, isOnTop) {
    Object.assign(this, { id, hash, view, values });
    values.restart();
    const context = {
      values, errors,
      act: (action) => act("view_action", { view: id, action, values: values.all() }),
      options: async (ids, typed) => (await act("options", { view: id, ...ids, typed })).options ?? [],
    };
    const close = (all) => act("close", { view: id, all });
    this.general = h("p", { class: "error", role: "alert" }, errors[""] ?? "");
    this.submitButton = view.submit && h("button", { class: "primary" }, plain(view.submit.text));
    this.form = h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      h("header", { class: "dialog-head" }, h("h2", { id: "view-title" }, plain(view.title.text)), iconButton("close", isOnTop ? "Close all forms" : "Close", () => close(true))),
      h("div", { class: "dialog-body" }, renderBlocks(view.blocks, context), this.general),
      h("footer", { class: "dialog-buttons" }, h("button", { type: "button", class: "quiet", onclick: () => close(false) }, plain(view.close?.text ?? (isOnTop ? "Back" : "Cancel"))), this.submitButton));
    this.dialog = h("dialog", { class: "dialog modal", "aria-labelledby": "view-title" }, this.form);
    this.dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(false); });
    document.body.append(this.dialog);
    this.dialog.showModal();
    const first = this.dialog.querySelector("[autofocus]") ?? this.dialog.querySelector(".dialog-body input, .dialog-body textarea, .dialog-body select, .dialog-body button");
    (first ?? this.submitButton ?? this.dialog).focus();
  }

  async submit() {
    if (this.isBusy) return;
    const values = this.values.all();
    const missing = this.#missing(values);
    this.showErrors(missing);
    if (Object.keys(missing).length) return;
    this.isBusy = true;
    this.submitButton?.setAttribute("aria-disabled", "true");
    await act("submit", { view: this.id, values });
    this.isBusy = false;
    this.submitButton?.removeAttribute("aria-disabled");
  }

  // Returns what Slack itself refuses: required fields without a value, and addresses of the wrong form.
  #missing(values) {
    const errors = {};
    for (const block of this.view.blocks) {
      if (block.type !== "input") continue;
      const { type, ...value } = values[block.block_id]?.[block.element.action_id] ?? {};
      const [found] = Object.values(value);
      const isEmpty = found === null || found === undefined || (Array.isArray(found) && !found.length);
      const field = this.dialog.querySelector(`[data-block="${CSS.escape(block.block_id)}"] :is(input, textarea)`);
      if (isEmpty && !block.optional && type !== "file_input") errors[block.block_id] = "Please complete this required field.";
      else if (!isEmpty && field && !field.validity.valid) errors[block.block_id] = field.validationMessage;
    }
    return errors;
  }

  showErrors(errors) {
    this.general.textContent = errors[""] ?? "";
    let first = null;
    for (const line of this.dialog.querySelectorAll("[data-error]")) {
      line.textContent = errors[line.dataset.error] ?? "";
      const field = line.parentElement.querySelector("input, textarea, select, fieldset");
      if (line.textContent) {
        field?.setAttribute("aria-invalid", "true");
        first ??= field;
      } else field?.removeAttribute("aria-invalid");
    }
    first?.focus();
  }
}

// Returns the Home tab of the app.
export function homeTab() {
  const area = h("div", { class: "home", tabindex: "0", role: "region", "aria-label": "Home" });
  const values = new Values();
  const show = () => {
    values.restart();
    const context = {
      values,
      act: (action) => act("view_action", { view: "home", action, values: values.all() }),
      options: async (ids, typed) => (await act("options", { view: "home", ...ids, typed })).options ?? [],
    };
    replace(area, state.home ? renderBlocks(state.home.blocks, context) : h("p", { class: "empty" }, "The app has not published a Home for you yet."),
      !state.app.is_installed && h("p", { class: "empty" }, h("button", { type: "button", class: "link", onclick: () => go({ tab: "messages" }) }, "The app is not in this workspace.")));
  };
  show();
  return { element: area, show };
}
