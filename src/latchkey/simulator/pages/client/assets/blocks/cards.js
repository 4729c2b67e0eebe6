// Alerts, cards, carousels, containers, and the plans and tasks of agents.

import { h } from "../dom.js";
import { link, textObject } from "../text/mrkdwn.js";
import { element, picture, smallPicture } from "./elements.js";
import { richText } from "./rich_text.js";

const LEVELS = { info: "Note", warning: "Warning", error: "Error", success: "Success", default: "Note" };
const STATUSES = { pending: "to do", in_progress: "in progress", complete: "done", error: "failed" };

export function alert(block) {
  const level = LEVELS[block.level] ? block.level : "default";
  return h("div", { class: `alert alert-${level}` }, h("strong", null, LEVELS[level], ": "), textObject(block.text));
}

export function card(block, context) {
  return h("div", { class: "card" },
    block.hero_image && picture(block.hero_image),
    h("div", { class: "card-head" },
      block.icon && smallPicture(block.icon),
      h("div", null, block.title && h("strong", null, textObject(block.title)), block.subtitle && h("div", { class: "soft" }, textObject(block.subtitle)))),
    block.body && h("div", null, textObject(block.body)),
    block.actions?.length ? h("div", { class: "actions" }, block.actions.map((each) => element(each, block, context))) : null);
}

export function carousel(block, context) {
  return h("div", { class: "carousel", tabindex: "0", role: "group", "aria-label": "Cards" }, block.elements.map((each) => card({ ...each, block_id: each.block_id ?? block.block_id }, context)));
}

export function container(block, context, renderBlocks) {
  const title = block.rich_text_title ? richText(block.rich_text_title) : h("strong", null, textObject(block.title));
  const head = [block.icon && smallPicture(block.icon), title, block.subtitle && h("div", { class: "soft" }, textObject(block.subtitle))];
  const content = renderBlocks(block.child_blocks, context);
  const name = `container width-${block.width ?? "standard"}`;
  if (!block.is_collapsible) return h("div", { class: name }, h("div", { class: block.has_header_divider ? "divided" : "" }, head), content);
  return h("details", { class: name, open: !block.default_collapsed }, h("summary", null, head), content);
}

export function plan(block) {
  return h("div", { class: "plan" }, h("strong", null, textObject(block.title)), h("ul", null, (block.tasks ?? []).map((each) => h("li", null, taskCard(each)))));
}

export function taskCard(task) {
  const status = task.status ?? "pending";
  const part = (value) => (value?.elements ? richText(value) : value && h("p", null, textObject(value)));
  const sources = (task.sources ?? []).map((each) => h("li", null, link(each.url, each.text)));
  const head = [h("span", { class: `task-mark task-${status}`, "aria-hidden": "true" }), h("span", null, task.title ?? ""), h("small", { class: "soft" }, STATUSES[status] ?? status)];
  if (!task.details && !task.output && !sources.length) return h("div", { class: "task" }, head);
  return h("details", { class: "task" }, h("summary", null, head), part(task.details), part(task.output), sources.length ? h("ul", null, sources) : null);
}
