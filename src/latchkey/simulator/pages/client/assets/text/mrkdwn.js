// Slack's mrkdwn and plain text as elements. Everything is added as text; links only lead to http(s) and mailto.

import { h } from "../dom.js";
import { channel, nameOf } from "../store.js";
import { emoji } from "./emoji.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
export const decode = (text) => text.replace(/&amp;|&lt;|&gt;/g, (found) => ENTITIES[found]);

// In order: code, <…>, emoji, bold, italic, strike, address.
const INLINE = /(`[^`\n]+`)|(<[^>\n]+>)|(:[a-z0-9_+'-]+:(?::skin-tone-\d:)?)|(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?!\w)|(?<![\w_])_(?=\S)([^_\n]*?\S)_(?!\w)|(?<![\w~])~(?=\S)([^~\n]*?\S)~(?!\w)|(https?:\/\/[^\s<>]+)/g;

export function link(url, label) {
  if (!/^(https?:|mailto:)/i.test(url)) return label ?? url;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label ?? url);
}

export const mention = (text) => h("span", { class: "mention" }, text);

// Text of a text object: {type: "mrkdwn" | "plain_text", text}.
export function textObject(object) {
  if (!object) return null;
  if (typeof object === "string") return plain(object);
  return object.type === "mrkdwn" ? mrkdwn(object.text ?? "") : plain(object.text ?? "", object.emoji !== false);
}

export function plain(text, withEmoji = true) {
  return lines(text, (line) => (withEmoji ? withNames(line) : [line]));
}

function withNames(line) {
  return line.split(/(:[a-z0-9_+'-]+:)/).map((part) => (/^:.+:$/.test(part) ? emoji(part.slice(1, -1)) : part));
}

function lines(text, inline) {
  const found = [];
  text.split("\n").forEach((line, index) => {
    if (index) found.push(h("br"));
    found.push(...inline(line));
  });
  return found;
}

export function mrkdwn(text) {
  return fenced(text, (part) => quoted(part, (line) => inlineMrkdwn(line), /^(?:&gt;|>) ?/));
}

// Splits at ``` and shows what is between as it is.
export function fenced(text, render) {
  return text.split(/```/).map((part, index) => {
    if (index % 2) return h("pre", { tabindex: "0" }, decode(part.replace(/^[a-z0-9]*\n/i, "").replace(/\n$/, "")));
    return part ? render(index ? part.replace(/^\n/, "") : part) : null;
  });
}

// Puts consecutive lines that begin with the mark into a quotation.
function quoted(text, inline, mark) {
  const found = [];
  let quote = null;
  let first = true;
  for (const line of text.split("\n")) {
    if (mark.test(line)) {
      if (!quote) found.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(line.replace(mark, "")));
      first = true;
    } else {
      quote = null;
      if (!first) found.push(h("br"));
      found.push(...inline(line));
      first = false;
    }
  }
  return found;
}

function inlineMrkdwn(line) {
  return split(line, INLINE, ([, code, angle, name, bold, italic, strike, address]) => {
    if (code) return h("code", null, decode(code.slice(1, -1)));
    if (angle) return special(angle.slice(1, -1));
    if (name) return emoji(name.slice(1, -1));
    if (bold) return h("strong", null, inlineMrkdwn(bold));
    if (italic) return h("em", null, inlineMrkdwn(italic));
    if (strike) return h("s", null, inlineMrkdwn(strike));
    return link(decode(address));
  });
}

// <@U…>, <#C…|name>, <!here>, <!date^…>, <https://…|label>
export function special(content) {
  const [target, label] = content.split(/\|(.*)/s);
  if (target.startsWith("@")) return mention(`@${nameOf(target.slice(1))}`);
  if (target.startsWith("#")) return mention(`#${label || channel(target.slice(1)).name}`);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return mention(label || "@group");
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`);
  return link(decode(target), label && decode(label));
}

function date(target, fallback) {
  const seconds = Number(target.split("^")[1]);
  return Number.isFinite(seconds) ? new Date(seconds * 1000).toLocaleString() : decode(fallback ?? target);
}

export function split(line, pattern, render) {
  const found = [];
  let end = 0;
  for (const match of line.matchAll(pattern)) {
    if (match.index > end) found.push(decode(line.slice(end, match.index)));
    found.push(render(match));
    end = match.index + match[0].length;
  }
  if (end < line.length) found.push(decode(line.slice(end)));
  return found;
}
