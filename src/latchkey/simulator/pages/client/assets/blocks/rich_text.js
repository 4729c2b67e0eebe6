// Rich text: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

import { h } from "../dom.js";
import { channel, nameOf } from "../store.js";
import { emoji } from "../text/emoji.js";
import { link, mention } from "../text/mrkdwn.js";

export const richText = (block) => (block.elements ?? []).map(part);

function part(each) {
  const content = () => (each.elements ?? []).map(inline);
  if (each.type === "rich_text_section") return h("p", null, content());
  if (each.type === "rich_text_preformatted") return h("pre", { tabindex: "0" }, content());
  if (each.type === "rich_text_quote") return h("blockquote", null, content());
  if (each.type === "rich_text_list") {
    const items = (each.elements ?? []).map((item) => h("li", null, (item.elements ?? []).map(inline)));
    const list = h(each.style === "ordered" ? "ol" : "ul", null, items);
    list.classList.add(`indent-${Math.min(each.indent ?? 0, 4)}`);
    return list;
  }
  return inline(each);
}

function inline(each) {
  const found = INLINE[each.type]?.(each) ?? each.text ?? `(${each.type})`;
  return styled(found, each.style ?? {});
}

const INLINE = {
  text: (each) => lines(each.text),
  link: (each) => link(each.url, each.text),
  user: (each) => mention(`@${nameOf(each.user_id)}`),
  usergroup: (each) => mention(`@${each.usergroup_id}`),
  channel: (each) => mention(`#${channel(each.channel_id).name}`),
  broadcast: (each) => mention(`@${each.range}`),
  emoji: (each) => emoji(each.name),
  color: (each) => h("code", null, each.value),
  date: (each) => new Date(each.timestamp * 1000).toLocaleString(),
  team: (each) => each.team_id,
};

const lines = (text) => (text ?? "").split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));

function styled(content, style) {
  let found = content;
  if (style.code) found = h("code", null, found);
  if (style.bold) found = h("strong", null, found);
  if (style.italic) found = h("em", null, found);
  if (style.strike) found = h("s", null, found);
  if (style.underline) found = h("u", null, found);
  return found;
}
