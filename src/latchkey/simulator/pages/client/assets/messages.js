// A list of messages: a conversation or a thread. Only part of a long conversation is in the page.

import { renderBlocks } from "./blocks/blocks.js";
import { plan } from "./blocks/cards.js";
import { Values } from "./blocks/values.js";
import { h, icon, iconButton, openMenu } from "./dom.js";
import { QUICK, emoji } from "./text/emoji.js";
import { markdown } from "./text/markdown.js";
import { mrkdwn } from "./text/mrkdwn.js";
import { askForShortcut } from "./shortcuts.js";
import { act, agent, go, messages as readMessages, nameOf, state } from "./store.js";

const MAX_SHOWN = { conversation: 300, thread: 150 };
const NEAR = 120;

export class MessageList {
  // `thread` is the ts of the thread's first message; empty for the conversation.
  constructor(thread) {
    this.thread = thread;
    this.items = new Map();
    this.replies = new Map();
    this.known = new Set();
    this.more = false;
    this.isAtEnd = true;
    this.isLoading = false;
    this.newest = h("button", { type: "button", class: "newest quiet", hidden: true, onclick: () => this.load() }, "Jump to the newest messages");
    this.list = h("div", { class: "messages", role: "log", tabindex: "0", "aria-label": thread ? "Thread" : "Messages", onscroll: () => this.#scrolled() });
    this.element = h("div", { class: "message-area" }, this.list, this.newest);
  }

  async load() {
    const found = await readMessages({ thread: this.thread });
    this.items.clear();
    this.list.replaceChildren();
    this.replies = new Map(Object.entries(found.replies ?? {}));
    this.more = found.more;
    this.#setAtEnd(true);
    for (const message of found.messages) this.#add(message, null);
    if (!found.messages.length) this.list.append(h("p", { class: "empty" }, emptyText()));
    this.list.scrollTop = this.list.scrollHeight;
  }

  // Shows a message that is new or has changed.
  upsert(message) {
    if (message.channel !== state.channel) return;
    const isReply = message.thread_ts && message.thread_ts !== message.ts;
    if (isReply && !this.thread) this.#countReply(message);
    if (this.thread ? ![message.ts, message.thread_ts].includes(this.thread) : isReply) return;
    const stays = this.#isNearEnd();
    const shown = this.items.get(message.ts);
    if (shown) {
      const element = this.#render(message);
      shown.element.replaceWith(element);
      this.items.set(message.ts, { message, element });
    } else if (this.isAtEnd) {
      this.list.querySelector(".empty")?.remove();
      this.#add(message, null);
      if (stays) this.#trim("first");
    } else {
      this.newest.hidden = false;
      return;
    }
    if (stays) this.list.scrollTop = this.list.scrollHeight;
  }

  remove(ts) {
    this.items.get(ts)?.element.remove();
    this.items.delete(ts);
  }

  // Shows again what depends on an agent's status.
  refresh(ts) {
    const shown = this.items.get(ts);
    if (shown) this.upsert(shown.message);
  }

  #add(message, before) {
    const element = this.#render(message);
    this.list.insertBefore(element, before);
    this.items.set(message.ts, { message, element });
  }

  #render(message) {
    return messageElement(message, { inThread: Boolean(this.thread), replies: Number(this.replies.get(message.ts) ?? 0) });
  }

  #countReply(reply) {
    if (this.known.has(reply.ts)) return;
    this.known.add(reply.ts);
    this.replies.set(reply.thread_ts, Number(this.replies.get(reply.thread_ts) ?? 0) + 1);
    this.refresh(reply.thread_ts);
  }

  async #scrolled() {
    if (this.list.scrollTop > NEAR || !this.more || this.isLoading) return;
    const [first] = this.items.values();
    if (!first) return;
    this.isLoading = true;
    try {
      const found = await readMessages({ thread: this.thread, before: first.message.ts });
      const height = this.list.scrollHeight - this.list.scrollTop;
      const items = [...this.items];
      this.items.clear();
      for (const message of found.messages) this.#add(message, first.element);
      for (const [ts, item] of items) this.items.set(ts, item);
      this.more = found.more;
      this.list.scrollTop = this.list.scrollHeight - height;
      this.#trim("last");
    } finally {
      this.isLoading = false;
    }
  }

  // Removes messages at the end that is out of sight.
  #trim(which) {
    const limit = this.thread ? MAX_SHOWN.thread : MAX_SHOWN.conversation;
    while (this.items.size > limit) {
      const keys = [...this.items.keys()];
      this.remove(which === "first" ? keys[0] : keys[keys.length - 1]);
      if (which === "first") this.more = true;
      else this.#setAtEnd(false);
    }
  }

  #setAtEnd(isAtEnd) {
    this.isAtEnd = isAtEnd;
    this.newest.hidden = isAtEnd;
  }

  #isNearEnd() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR;
  }
}

const emptyText = () => (state.channel.startsWith("D")
  ? `This is the beginning of your conversation with ${state.app.name}.`
  : `Nothing here yet. Write @${state.app.name.toLowerCase().replaceAll(" ", "")} hello, or type / for a command.`);

export function messageElement(message, { inThread = false, replies = 0 } = {}) {
  const context = messageContext(message);
  const body = h("div", { class: "message-body" },
    h("div", { class: "message-head" },
      h("b", null, nameOf(message.user)),
      message.from_app && h("span", { class: "badge" }, "app"),
      h("time", { datetime: new Date(message.ts * 1000).toISOString() }, time(message.ts)),
      message.edited && h("small", { class: "soft" }, "(edited)")),
    message.only_for && h("div", { class: "soft only-you" }, "Only you can see this"),
    h("div", { class: "message-content" }, content(message, context)),
    reactions(message),
    !inThread && replies > 0 && h("button", { type: "button", class: "link replies", onclick: () => go({ thread: message.ts, channel: message.channel }) }, replies === 1 ? "1 reply" : `${replies} replies`),
    !inThread && statusLine(message.channel, message.ts));
  return h("article", { class: message.only_for ? "message private" : "message", dataset: { ts: message.ts }, "aria-label": `${nameOf(message.user)}, ${time(message.ts)}` },
    avatar(message.user, message.from_app), body, toolbar(message, inThread));
}

function content(message, context) {
  const blocks = message.blocks?.length ? renderBlocks(message.blocks, context) : null;
  const text = message.text && h("div", { class: "text" }, message.markdown ? markdown(message.text) : mrkdwn(message.text));
  const tasks = message.tasks?.length ? plan({ title: "", tasks: message.tasks }) : null;
  // Slack shows the text only if there are no blocks; a stream's blocks come after its text.
  return [message.markdown || !blocks ? text : null, tasks, blocks, (message.attachments ?? []).map((each) => attachment(each, context)), message.streaming && h("span", { class: "cursor", role: "img", "aria-label": "still writing" })];
}

function attachment(each, context) {
  const fields = (each.fields ?? []).map((field) => h("div", null, h("b", null, field.title), " ", mrkdwn(field.value ?? "")));
  const text = each.text ?? (each.blocks ? "" : each.fallback ?? "");
  return h("div", { class: "attachment" }, each.pretext && h("div", null, mrkdwn(each.pretext)), each.title && h("strong", null, each.title), text && h("div", null, mrkdwn(text)), fields, renderBlocks(each.blocks, context));
}

function messageContext(message) {
  const values = new Values();
  const place = { channel: message.channel, ts: message.ts };
  return {
    values,
    act: (action) => act("click", { ...place, action, values: values.all() }),
    options: async (ids, typed) => (await act("options", { ...place, ...ids, typed })).options ?? [],
  };
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions" }, message.reactions.map((each) => h("button", {
    type: "button", class: each.users.includes(state.user) ? "reaction mine" : "reaction", title: each.users.map(nameOf).join(", "),
    "aria-label": `${each.name}, ${each.count}`, onclick: () => react(message, each.name),
  }, emoji(each.name), " ", String(each.count))));
}

const react = (message, name) => act("react", { channel: message.channel, ts: message.ts, name });

function toolbar(message, inThread) {
  if (message.only_for) return null;
  const quick = QUICK.map((name) => ({ label: `${emoji(name)} ${name}`, choose: () => react(message, name) }));
  return h("div", { class: "toolbar" },
    iconButton("smile", "Add a reaction", (event) => openMenu(event.currentTarget, quick), { "aria-haspopup": "menu" }),
    !inThread && iconButton("reply", "Reply in a thread", () => go({ thread: message.ts, channel: message.channel })),
    iconButton("more", "More actions for this message", (event) => askForShortcut(event.currentTarget, message), { "aria-haspopup": "menu" }));
}

// The status of an agent in a thread, with its stop button.
export function statusLine(channel, thread) {
  const { status, session } = agent(channel, thread);
  if (!status && session !== "processing") return null;
  return h("div", { class: "agent-status", role: "status" },
    h("span", { class: "dots", "aria-hidden": "true" }), `${state.app.name} ${status || "is working…"}`, " ",
    session === "processing" && stopButton(channel, thread));
}

export const stopButton = (channel, thread) =>
  h("button", { type: "button", class: "quiet stop", onclick: () => act("stop", { channel, thread_ts: thread }) }, icon("stop"), "Stop");

export function avatar(id, isApp) {
  const name = nameOf(id) ?? "?";
  return h("span", { class: `avatar ${isApp ? "avatar-app" : `avatar-${[...(id ?? "")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 4}`}`, "aria-hidden": "true" }, name[0]?.toUpperCase());
}

function time(ts) {
  const date = new Date(ts * 1000);
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? clock : `${date.toLocaleDateString()} ${clock}`;
}
