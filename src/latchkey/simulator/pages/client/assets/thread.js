// The panel with a thread, and the prompts that an agent suggests.

import { composer } from "./composer.js";
import { h, iconButton, replace } from "./dom.js";
import { MessageList, statusLine, stopButton } from "./messages.js";
import { act, agent, go, state } from "./store.js";

export function threadPanel() {
  const { thread, channel } = state;
  const list = new MessageList(thread);
  const heading = h("h2", null, "Thread");
  const below = h("div", { class: "agent-below" });
  const writer = composer("Reply", thread);
  const element = h("section", { class: "panel thread", "aria-label": "Thread" },
    h("header", { class: "panel-head" }, heading, iconButton("close", "Close the thread", () => go({ thread: "" }))),
    list.element, below, writer.element);
  const showAgent = () => {
    const { title, prompts, prompts_title: about, session } = agent(channel, thread);
    heading.textContent = title || "Thread";
    const isStreaming = [...list.items.values()].some((item) => item.message.streaming);
    const status = statusLine(channel, thread) ?? (isStreaming ? h("div", { class: "agent-status" }, `${state.app.name} is writing… `, stopButton(channel, thread)) : null);
    replace(below, status, session === "closed" && h("p", { class: "soft" }, "This session is closed."), suggestions(prompts, about, thread));
  };
  const load = list.load();
  load.then(showAgent);
  return {
    element, list, focus: writer.focus, loaded: load,
    message: (message) => { list.upsert(message); showAgent(); },
    agent: showAgent,
  };
}

// Buttons that write a suggested prompt.
export function suggestions(prompts, title, thread = "") {
  if (!prompts?.length) return null;
  return h("div", { class: "prompts" }, h("p", { class: "soft" }, title || "Suggestions"),
    prompts.map((each) => h("button", { type: "button", class: "quiet", onclick: () => act("write", { text: each.message, thread_ts: thread }) }, each.title)));
}
