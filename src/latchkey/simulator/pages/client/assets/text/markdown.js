// Markdown, as in markdown blocks and streams, as elements.

import { h } from "../dom.js";
import { emoji } from "./emoji.js";
import { decode, fenced, link, special, split } from "./mrkdwn.js";

const MARKDOWN = /(`[^`\n]+`)|\[([^\]\n]+)\]\(([^)\s]+)\)|\*\*(?=\S)([^\n]*?\S)\*\*|~~(?=\S)([^~\n]*?\S)~~|(?<![\w*_])[*_](?=\S)([^*_\n]*?\S)[*_](?![\w])|(:[a-z0-9_+'-]+:)|(<[^>\n]+>)|(https?:\/\/[^\s<>)]+)/g;

// The Markdown of markdown blocks and streams: headings, lists, quotations, tables, code and what is in lines.
export function markdown(text) {
  return fenced(text, (part) => {
    const found = [];
    const rows = part.split("\n");
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at];
      const heading = /^(#{1,6}) +(.*)/.exec(row);
      if (heading) found.push(h("p", { class: "heading" }, h("strong", null, inlineMarkdown(heading[2]))));
      else if (/^\s*([-*+]|\d+\.) +/.test(row)) at = list(rows, at, found);
      else if (/^\|.*\|\s*$/.test(row)) at = table(rows, at, found);
      else if (/^> ?/.test(row)) found.push(h("blockquote", null, inlineMarkdown(row.replace(/^> ?/, ""))));
      else if (/^(---+|\*\*\*+)\s*$/.test(row)) found.push(h("hr"));
      else if (row.trim()) found.push(h("p", null, inlineMarkdown(row)));
    }
    return found;
  });
}

function list(rows, at, found) {
  const ordered = /^\s*\d+\./.test(rows[at]);
  const items = [];
  for (; at < rows.length && /^\s*([-*+]|\d+\.) +/.test(rows[at]); at += 1) {
    items.push(h("li", null, inlineMarkdown(rows[at].replace(/^\s*([-*+]|\d+\.) +/, ""))));
  }
  found.push(h(ordered ? "ol" : "ul", null, items));
  return at - 1;
}

function table(rows, at, found) {
  const cells = [];
  for (; at < rows.length && /^\|.*\|\s*$/.test(rows[at]); at += 1) {
    if (!/^\|[\s:|-]+\|\s*$/.test(rows[at])) cells.push(rows[at].trim().slice(1, -1).split("|"));
  }
  const row = (values, tag) => h("tr", null, values.map((value) => h(tag, null, inlineMarkdown(value.trim()))));
  found.push(h("div", { class: "table", tabindex: "0" }, h("table", null, cells.map((each, index) => row(each, index ? "td" : "th")))));
  return at - 1;
}

function inlineMarkdown(line) {
  return split(line, MARKDOWN, ([, code, label, url, bold, strike, italic, name, angle, address]) => {
    if (code) return h("code", null, decode(code.slice(1, -1)));
    if (url) return link(url, label);
    if (bold) return h("strong", null, inlineMarkdown(bold));
    if (strike) return h("s", null, inlineMarkdown(strike));
    if (italic) return h("em", null, inlineMarkdown(italic));
    if (name) return emoji(name.slice(1, -1));
    if (angle) return special(angle.slice(1, -1));
    return link(address);
  });
}
