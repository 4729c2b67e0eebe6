// Renders Block Kit: https://docs.slack.dev/reference/block-kit/blocks. What is unknown is shown as its JSON.

import { h, newId } from "../dom.js";
import { markdown } from "../text/markdown.js";
import { link, plain, textObject } from "../text/mrkdwn.js";
import { alert, card, carousel, container, plan, taskCard } from "./cards.js";
import { element, picture } from "./elements.js";
import { richText } from "./rich_text.js";
import { dataTable, table } from "./tables.js";

// `context` has `act(action)`, `options(ids, typed)`, `errors` by block id, and `values`, a Values.
export function renderBlocks(blocks, context) {
  return (blocks ?? []).map((block) => renderBlock(block, context));
}

export function renderBlock(block, context) {
  const render = RENDERERS[block?.type];
  if (!render) return unknown(block);
  try {
    const found = h("div", { class: `block block-${block.type}`, dataset: { block: block.block_id ?? "" } }, render(block, context));
    return found;
  } catch (error) {
    return unknown(block, "This block is not as Slack describes it.");
  }
}

export function unknown(block, note = `The simulator cannot show “${block?.type}”.`) {
  return h("div", { class: "block unknown" }, h("p", null, note), h("pre", { tabindex: "0" }, JSON.stringify(block, null, 2)));
}

const RENDERERS = {
  actions: (block, context) => h("div", { class: "actions" }, block.elements.map((each) => element(each, block, context))),
  alert: (block) => alert(block),
  auth_provider: (block) => unknown(block, "Sign-in with another provider is not simulated."),
  call: (block) => h("p", { class: "call" }, "Call: ", block.call?.v1?.title ?? block.call_id),
  card: (block, context) => card(block, context),
  carousel: (block, context) => carousel(block, context),
  container: (block, context) => container(block, context, renderBlocks),
  context: (block) => h("div", { class: "context" }, block.elements.map((each) => (each.type === "image" ? picture(each) : h("span", null, textObject(each))))),
  context_actions: (block, context) => h("div", { class: "actions" }, block.elements.map((each) => element(each, block, context))),
  data_table: (block, context) => dataTable(block, context),
  data_visualization: (block) => unknown(block, "Charts are not drawn; this is the chart's data."),
  divider: () => h("hr"),
  file: (block) => h("p", { class: "file" }, `File: ${block.external_id ?? block.file_id ?? ""}`),
  header: (block) => h("p", { class: "header" }, h("strong", null, textObject(block.text))),
  image: (block) => picture(block),
  input: (block, context) => input(block, context),
  markdown: (block) => h("div", { class: "markdown" }, markdown(block.text)),
  plan: (block) => plan(block),
  rich_text: (block) => richText(block),
  section: (block, context) => section(block, context),
  table: (block) => table(block),
  task_card: (block) => taskCard(block),
  video: (block) => h("p", { class: "video" }, "Video: ", link(block.title_url ?? block.video_url ?? "", plain(block.title?.text ?? block.alt_text ?? ""))),
};

function section(block, context) {
  const text = block.text && h("div", { class: "text" }, textObject(block.text));
  const fields = block.fields && h("div", { class: "fields" }, block.fields.map((each) => h("div", null, textObject(each))));
  const accessory = block.accessory && h("div", { class: "accessory" }, element(block.accessory, block, context));
  return h("div", { class: "section" }, h("div", null, text, fields), accessory);
}

function input(block, context) {
  const id = newId("field");
  const error = context.errors?.[block.block_id];
  const hint = block.hint && h("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint));
  const message = h("p", { class: "error", id: `${id}-error`, dataset: { error: block.block_id } }, error ?? "");
  const describedBy = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  const optional = block.optional && h("span", { class: "optional" }, " (optional)");
  const field = element(block.element, block, context, {
    id, label: block.label?.text ?? "", describedBy, invalid: Boolean(error), isInput: true, optional: block.optional, dispatches: block.dispatch_action,
  });
  const isGroup = field.matches?.("fieldset") || field.querySelector?.("fieldset");
  const label = isGroup ? null : h("label", { for: id }, textObject(block.label), optional);
  return h("div", { class: "input" }, label, field, hint, message);
}
