// Menus in which one or several options are chosen: static, external, people, conversations, channels, boxes, radios.

import { h, newId } from "../dom.js";
import { state } from "../store.js";
import { plain, textObject } from "../text/mrkdwn.js";

const people = () => state.people.map((each) => option(each.user_id, each.real_name));
const channels = () => state.channels.filter((each) => each.kind === "channel").map((each) => option(each.channel_id, `# ${each.name}`));
const conversations = () => [...channels(), ...people()];
const option = (value, text) => ({ text: { type: "plain_text", text, emoji: true }, value });

// By type: the options, and the name of the chosen ones in payloads. Without `ids`, options are sent as they are.
const KINDS = {
  static_select: { options: (each) => each.options, groups: (each) => each.option_groups, name: "selected_option", initial: (each) => each.initial_option },
  users_select: { options: people, ids: true, name: "selected_user", initial: (each) => each.initial_user },
  conversations_select: { options: conversations, ids: true, name: "selected_conversation", initial: (each) => each.initial_conversation ?? (each.default_to_current_conversation ? state.channel : null) },
  channels_select: { options: channels, ids: true, name: "selected_channel", initial: (each) => each.initial_channel },
  external_select: { external: true, name: "selected_option", initial: (each) => each.initial_option },
};
const MANY = {
  multi_static_select: { ...KINDS.static_select, name: "selected_options", initial: (each) => each.initial_options },
  multi_users_select: { ...KINDS.users_select, name: "selected_users", initial: (each) => each.initial_users },
  multi_conversations_select: { ...KINDS.conversations_select, name: "selected_conversations", initial: (each) => each.initial_conversations },
  multi_channels_select: { ...KINDS.channels_select, name: "selected_channels", initial: (each) => each.initial_channels },
  multi_external_select: { ...KINDS.external_select, name: "selected_options", initial: (each) => each.initial_options },
  checkboxes: { options: (each) => each.options, name: "selected_options", initial: (each) => each.initial_options },
};

const valueOf = (kind, chosen) => (kind.ids && chosen ? chosen.value : chosen);
const keyOf = (chosen) => (typeof chosen === "object" ? chosen?.value : chosen) ?? "";

// One option, in a native menu.
function single(each, block, context, field) {
  const kind = KINDS[each.type];
  let groups = kind.external ? [] : kind.groups?.(each) ?? [{ options: kind.options(each) }];
  let chosen = context.values.kept(block, each)?.[kind.name] ?? kind.initial(each) ?? null;
  const select = h("select", { ...labels(each, field), required: field.isInput && !field.optional });
  const fill = () => {
    select.replaceChildren(h("option", { value: "" }, each.placeholder?.text ?? "Choose an option"));
    if (kind.external && chosen && !find(keyOf(chosen))) select.append(h("option", { value: keyOf(chosen) }, chosen.text?.text ?? keyOf(chosen)));
    for (const group of groups) {
      const options = (group.options ?? []).map((choice) => h("option", { value: choice.value }, plain(choice.text.text).map((part) => part.textContent ?? part).join("")));
      select.append(...(group.label ? [h("optgroup", { label: group.label.text }, options)] : options));
    }
    select.value = keyOf(chosen);
  };
  const find = (value) => groups.flatMap((group) => group.options ?? []).find((choice) => choice.value === value);
  select.addEventListener("change", () => {
    const found = find(select.value);
    chosen = found ? valueOf(kind, found) : null;
    if (!field.isInput || field.dispatches) context.send({ [kind.name]: chosen });
  });
  context.values.add(block, each, () => ({ type: each.type, [kind.name]: chosen }));
  fill();
  if (!kind.external) return select;
  return h("div", { class: "external" }, search(each, block, context, (found) => { groups = found; fill(); }), select);
}

// A field whose text the app completes: it returns the options of an external menu.
function search(each, block, context, show) {
  const minimum = each.min_query_length ?? 3;
  const status = h("span", { class: "hint", role: "status" });
  let timer = 0;
  const ask = async (typed) => {
    status.textContent = "Asking the app…";
    const found = await context.options({ action_id: each.action_id, block_id: block.block_id }, typed);
    const groups = found[0]?.options ? found : [{ options: found }];
    const count = groups.reduce((sum, group) => sum + group.options.length, 0);
    status.textContent = count === 1 ? "1 option" : `${count} options`;
    show(groups);
  };
  const input = h("input", {
    type: "search", "aria-label": "Search the options", placeholder: minimum ? `Type ${minimum} or more characters` : "Search", autocomplete: "off",
    oninput: () => {
      clearTimeout(timer);
      if (input.value.length >= minimum) timer = setTimeout(() => ask(input.value), 200);
    },
  });
  if (!minimum) queueMicrotask(() => ask(""));
  return h("div", { class: "search" }, input, status);
}

// Several options, as boxes to tick.
function many(each, block, context, field) {
  const kind = MANY[each.type];
  const initial = context.values.kept(block, each)?.[kind.name] ?? kind.initial(each) ?? [];
  const chosen = new Map(initial.map((choice) => [keyOf(choice), choice]));
  const box = h("div", { class: each.type === "checkboxes" ? "choices" : "choices scrolls" });
  const report = () => [...chosen.values()];
  const fill = (groups) => {
    box.replaceChildren(...groups.flatMap((group) => [
      ...(group.label ? [h("p", { class: "group" }, group.label.text)] : []),
      ...(group.options ?? []).map((choice) => tick("checkbox", choice, chosen.has(choice.value), (on) => {
        if (on) chosen.set(choice.value, valueOf(kind, choice)); else chosen.delete(choice.value);
        if (!field.isInput || field.dispatches) context.send({ [kind.name]: report() });
      })),
    ]));
  };
  if (!kind.external) fill(kind.groups?.(each) ?? [{ options: kind.options(each) }]);
  else fill([{ options: [...chosen.values()] }]);
  context.values.add(block, each, () => ({ type: each.type, [kind.name]: report() }));
  return group(each, field, kind.external && search(each, block, context, fill), box);
}

function radios(each, block, context, field) {
  let chosen = context.values.kept(block, each)?.selected_option ?? each.initial_option ?? null;
  const name = newId("radio");
  const boxes = each.options.map((choice) => tick("radio", choice, choice.value === chosen?.value, () => {
    chosen = choice;
    if (!field.isInput || field.dispatches) context.send({ selected_option: chosen });
  }, name));
  context.values.add(block, each, () => ({ type: each.type, selected_option: chosen }));
  return group(each, field, h("div", { class: "choices" }, boxes));
}

function tick(type, choice, checked, changed, name) {
  const input = h("input", { type, name, checked, onchange: () => changed(input.checked) });
  return h("label", { class: "choice" }, input, h("span", null, textObject(choice.text), choice.description && h("small", null, textObject(choice.description))));
}

function group(each, field, ...content) {
  const label = field.label || each.placeholder?.text || "Choose";
  const optional = field.optional ? h("span", { class: "optional" }, " (optional)") : null;
  const legend = h("legend", { class: field.label ? "" : "hidden" }, label, optional);
  return h("fieldset", { "aria-describedby": field.describedBy, "aria-invalid": field.invalid ? "true" : null }, legend, content);
}

export function labels(each, field) {
  return {
    id: field.id ?? null,
    "aria-label": field.id ? null : each.placeholder?.text || "Choose",
    "aria-describedby": field.describedBy ?? null,
    "aria-invalid": field.invalid ? "true" : null,
    autofocus: each.focus_on_load,
  };
}

export const menus = {
  ...Object.fromEntries(Object.keys(KINDS).map((name) => [name, single])),
  ...Object.fromEntries(Object.keys(MANY).map((name) => [name, many])),
  radio_buttons: radios,
};
