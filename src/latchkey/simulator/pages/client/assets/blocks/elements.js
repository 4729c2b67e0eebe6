// Block elements: buttons, menus and pictures. https://docs.slack.dev/reference/block-kit/block-elements

import { h, icon, openDialog, openMenu } from "../dom.js";
import { link, plain, textObject } from "../text/mrkdwn.js";
import { fields } from "./fields.js";
import { menus } from "./menus.js";

// Renders an element of a block. `field` is set for an input block: its id, label, error and so on.
export function element(each, block, context, field = {}) {
  const render = { ...buttons, ...menus, ...fields }[each?.type];
  if (!render) return h("div", { class: "unknown" }, h("p", null, `The simulator cannot show “${each?.type}”.`), h("pre", { tabindex: "0" }, JSON.stringify(each, null, 2)));
  return render(each, block, { ...context, send: (value, extra) => send(each, block, context, value, extra) }, field);
}

// Sends what a person did with an element, after their confirmation if the element asks for one.
async function send(each, block, context, value, extra = {}) {
  if (each.confirm && !(await confirmed(each.confirm))) return;
  await context.act({ type: each.type, action_id: each.action_id, block_id: block.block_id, ...value, ...extra });
}

function confirmed(confirm) {
  return new Promise((resolve) => {
    let answer = false;
    const decide = (value) => () => { answer = value; close(); };
    const close = openDialog({ class: "dialog", "aria-label": confirm.title?.text ?? "Are you sure?" }, [
      h("h2", null, textObject(confirm.title)),
      h("div", null, textObject(confirm.text)),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "quiet", onclick: decide(false) }, textObject(confirm.deny) ?? "Cancel"),
        h("button", { type: "button", class: confirm.style === "danger" ? "danger" : "primary", onclick: decide(true) }, textObject(confirm.confirm) ?? "Yes")),
    ], () => resolve(answer));
  });
}

// A picture is named, not loaded: the page asks no other host for anything.
export function picture(image) {
  const url = image.image_url ?? image.slack_file?.url;
  const label = image.title?.text ?? image.alt_text ?? "Picture";
  return h("span", { class: "picture", title: image.alt_text }, h("span", { class: "picture-mark", "aria-hidden": "true" }, "▨"), " ", url ? link(url, label) : label);
}

// The same for the small picture beside a title, whose label would not fit.
export function smallPicture(image) {
  const url = image.image_url ?? image.slack_file?.url;
  const mark = h("span", { role: "img", "aria-label": image.alt_text ?? "Icon" }, "▨");
  return h("span", { class: "picture small", title: image.alt_text }, url ? link(url, mark) : mark);
}

function button(each, block, context) {
  const style = each.style === "primary" ? "primary" : each.style === "danger" ? "danger" : "quiet";
  const value = { text: each.text, value: each.value };
  if (each.value === undefined) delete value.value;
  const found = h("button", { type: "button", class: style, "aria-label": each.accessibility_label, onclick: () => context.send(value) }, textObject(each.text));
  return each.url ? h("span", null, found, " ", link(each.url, h("small", null, "open link"))) : found;
}

const buttons = {
  button,
  workflow_button: (each) => h("button", { type: "button", class: "quiet", disabled: true, title: "Workflows are not simulated" }, textObject(each.text)),
  image: (each) => picture(each),
  icon_button: (each, block, context) =>
    h("button", { type: "button", class: "quiet", title: each.text?.text, onclick: () => context.send({ value: each.value, icon: each.icon }) }, textObject(each.text) ?? each.icon),
  feedback_buttons: (each, block, context) =>
    h("span", { class: "feedback" }, [each.positive_button, each.negative_button].map((choice) =>
      h("button", { type: "button", class: "quiet", "aria-label": choice.accessibility_label, onclick: () => context.send({ text: choice.text, value: choice.value }) }, textObject(choice.text)))),
  overflow: (each, block, context) =>
    h("button", {
      type: "button", class: "icon-button framed", "aria-label": "More actions", "aria-haspopup": "menu",
      onclick: (event) => openMenu(event.currentTarget, each.options.map((option) => ({
        label: plain(option.text.text), note: option.description && textObject(option.description),
        choose: () => context.send({ selected_option: option }),
      }))),
    }, icon("more")),
  url: (each) => link(each.url, each.text ?? each.url),
};
