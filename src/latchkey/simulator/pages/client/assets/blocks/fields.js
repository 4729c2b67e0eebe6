// Elements in which something is typed or picked: texts, numbers, dates, times, files.

import { h } from "../dom.js";
import { labels } from "./menus.js";

const KINDS = {
  plain_text_input: { type: "text", name: "value" },
  email_text_input: { type: "email", name: "value" },
  url_text_input: { type: "url", name: "value" },
  number_input: { type: "number", name: "value" },
  datepicker: { type: "date", name: "selected_date", initial: "initial_date" },
  timepicker: { type: "time", name: "selected_time", initial: "initial_time" },
  datetimepicker: { type: "datetime-local", name: "selected_date_time", initial: "initial_date_time" },
};

function typed(each, block, context, field) {
  const kind = KINDS[each.type];
  const before = context.values.kept(block, each)?.[kind.name] ?? each[kind.initial ?? "initial_value"] ?? "";
  const limits = {
    maxlength: each.max_length, minlength: each.min_length, min: each.min_value, max: each.max_value,
    step: each.is_decimal_allowed ? "any" : null, placeholder: each.placeholder?.text, rows: each.multiline ? "4" : null,
    required: field.isInput && !field.optional,
  };
  const tag = each.multiline ? "textarea" : "input";
  const input = h(tag, { ...labels(each, field), type: each.multiline ? null : kind.type, ...limits, value: shown(each, before) });
  const read = () => ({ type: each.type, [kind.name]: sent(each, input.value) });
  context.values.add(block, each, read);
  dispatch(each, context, field, input, () => ({ [kind.name]: sent(each, input.value) }));
  return input;
}

// Sends block_actions as dispatch_action_config says: on Enter, or for each character.
function dispatch(each, context, field, input, value) {
  const isPicker = each.type.endsWith("picker");
  if (isPicker && (!field.isInput || field.dispatches)) {
    input.addEventListener("change", () => context.send(value()));
    return;
  }
  if (!field.dispatches) return;
  const when = each.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  if (when.includes("on_character_entered")) input.addEventListener("input", () => context.send(value()));
  if (when.includes("on_enter_pressed")) {
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      context.send(value());
    });
  }
}

function shown(each, value) {
  if (each.type !== "datetimepicker" || !value) return value;
  const local = new Date(value * 1000);
  return new Date(local.getTime() - local.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function sent(each, value) {
  if (each.type === "datetimepicker") return value ? Math.floor(new Date(value).getTime() / 1000) : null;
  return value === "" ? null : value;
}

function richTextInput(each, block, context, field) {
  const before = context.values.kept(block, each)?.rich_text_value ?? each.initial_value;
  const input = h("textarea", { ...labels(each, field), rows: "4", placeholder: each.placeholder?.text, value: plainOf(before) });
  const value = () => {
    const elements = [{ type: "rich_text_section", elements: [{ type: "text", text: input.value }] }];
    return input.value ? { type: "rich_text", elements } : null;
  };
  context.values.add(block, each, () => ({ type: each.type, rich_text_value: value() }));
  dispatch(each, context, field, input, () => ({ rich_text_value: value() }));
  return input;
}

const plainOf = (richText) => (richText?.elements ?? []).flatMap((part) => part.elements ?? []).map((part) => part.text ?? "").join("");

function fileInput(each, block, context, field) {
  context.values.add(block, each, () => ({ type: each.type, files: [] }));
  return h("div", null, h("input", { ...labels(each, field), type: "file", disabled: true }), h("p", { class: "hint" }, "Files are not simulated: the app gets none."));
}

export const fields = {
  ...Object.fromEntries(Object.keys(KINDS).map((name) => [name, typed])),
  rich_text_input: richTextInput,
  file_input: fileInput,
};
