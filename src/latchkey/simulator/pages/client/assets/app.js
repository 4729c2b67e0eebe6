// Puts the page together, and shows each change where it belongs.

import { composer } from "./composer.js";
import { h, icon, iconButton, replace } from "./dom.js";
import { inspector } from "./inspector/inspector.js";
import { MessageList } from "./messages.js";
import { askForShortcut } from "./shortcuts.js";
import { sidebar, title } from "./sidebar.js";
import { act, agent, connect, directChannel, go, load, on, recall, state } from "./store.js";
import { suggestions, threadPanel } from "./thread.js";
import { homeTab, showViews } from "./views.js";

const WIDE = matchMedia("(min-width: 64rem)");
let conversation = null;
let home = null;
let thread = null;
let isInspecting = WIDE.matches;

const places = sidebar();
const inspection = inspector(() => inspect(false));
const notices = h("div", { class: "notices", role: "status" });
const main = h("main", { class: "main" });
const side = h("div", { class: "side" });
const toggle = h("button", { type: "button", class: "quiet toggle", onclick: () => inspect(!isInspecting) }, icon("eye"), h("span", null, "Inspector"));
const shell = h("div", { class: "shell" },
  h("header", { class: "banner" }, h("strong", null, "Simulated Slack"), h("span", null, "It runs on this machine; this is not the real Slack."), h("span", { class: "lost", hidden: true, role: "status" }, "Connection lost, trying again…")),
  places.element, main, side, notices);
document.getElementById("app").append(shell);

function inspect(value) {
  isInspecting = value;
  toggle.setAttribute("aria-pressed", String(value));
  showSide();
}

function showSide() {
  const panel = thread?.element ?? (isInspecting ? inspection.element : null);
  replace(side, panel);
  shell.classList.toggle("has-side", Boolean(panel));
}

function head() {
  const isApp = state.channel === directChannel();
  const tab = (name, label) => h("button", { type: "button", role: "tab", "aria-selected": String(state.tab === name), onclick: () => openTab(name) }, label);
  return h("header", { class: "main-head" },
    iconButton("menu", "Workspaces and conversations", () => showPlaces(true), { class: "icon-button menu-button" }),
    h("h1", null, title()),
    isApp && h("div", { class: "tabs", role: "tablist", "aria-label": state.app.name }, tab("messages", "Messages"), tab("home", "Home")),
    h("div", { class: "head-buttons" },
      isApp && state.app.agent !== "agent_view" && state.tab === "messages" && h("button", { type: "button", class: "quiet", onclick: startThread }, "New thread"),
      h("button", { type: "button", class: "quiet", "aria-haspopup": "menu", onclick: (event) => askForShortcut(event.currentTarget) }, icon("bolt"), h("span", null, "Shortcuts")),
      toggle));
}

function openTab(tab) {
  go({ tab });
  act("open", { tab });
}

async function startThread() {
  const { ts } = await act("start_thread", {});
  if (ts) go({ thread: ts });
}

// On a narrow window the places are over the conversation.
function showPlaces(value) {
  const isShown = shell.classList.contains("shows-places");
  shell.classList.toggle("shows-places", value);
  if (value) places.element.querySelector("select").focus();
  else if (isShown) main.querySelector(".menu-button")?.focus();
}

// Shows another conversation, tab or thread.
async function show() {
  document.title = `${title()}: simulated Slack`;
  places.show();
  showPlaces(false);
  conversation = home = null;
  if (state.tab === "home" && state.channel === directChannel()) {
    home = homeTab();
    replace(main, head(), home.element);
  } else {
    await showConversation();
  }
  await showThread();
  showViews();
}

async function showConversation() {
  conversation = new MessageList("");
  const writer = composer(`Message ${title()}`);
  const below = h("div", { class: "agent-below", dataset: { prompts: "" } });
  replace(main, head(), conversation.element, below, writer.element);
  showPrompts();
  writer.focus();
  await conversation.load();
}

function showPrompts() {
  const below = main.querySelector("[data-prompts]");
  if (!below || state.channel !== directChannel()) return;
  const { prompts, prompts_title: about } = agent(state.channel, "");
  replace(below, suggestions(prompts?.length ? prompts : state.app.prompts, about));
}

async function showThread() {
  const before = thread?.element;
  thread = state.thread ? threadPanel() : null;
  if (before || thread) showSide();
  if (thread) {
    await thread.loaded;
    thread?.focus();
  }
}

// An agent's reply to a message in its direct messages opens the thread, if there is room beside.
function openAgentsThread(root) {
  if (state.channel === directChannel() && !state.thread && WIDE.matches && conversation?.items.has(root)) go({ thread: root });
}

on("loaded", async () => { inspection.load(); if (state.notice.text) notify(state.notice); await show(); });
let moved = {};
on("moved", async () => {
  const { channel, tab } = state;
  const stays = moved.channel === channel && moved.tab === tab && (conversation || home);
  moved = { channel, tab };
  if (stays) { places.show(); await showThread(); } else await show();
});
on("message", (message) => {
  conversation?.upsert(message);
  thread?.message(message);
  if (message.channel !== state.channel) places.show();
  if (message.from_app && message.thread_ts && message.thread_ts !== message.ts && message.channel === state.channel) openAgentsThread(message.thread_ts);
});
on("deleted", ({ ts }) => { conversation?.remove(ts); thread?.list.remove(ts); });
on("views", showViews);
on("home", () => home?.show());
on("agent", ({ thread_ts: ts }) => {
  conversation?.refresh(ts);
  thread?.agent();
  showPrompts();
  if (ts) openAgentsThread(ts);
});
on("exchange", (exchange) => inspection.show(exchange));
on("faults", () => inspection.faults());
on("connection", () => { shell.querySelector(".lost").hidden = state.connected; });
on("log", ({ line }) => inspection.log(line));
on("notice", notify);

function notify({ level, text }) {
  if (!text) {
    notices.replaceChildren();
    return;
  }
  const notice = h("div", { class: `notice notice-${level}` }, h("pre", null, text), iconButton("close", "Close", () => notice.remove()));
  notices.replaceChildren(notice);
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape") showPlaces(false); });
document.addEventListener("pointerdown", (event) => {
  if (shell.classList.contains("shows-places") && !places.element.contains(event.target)) showPlaces(false);
});

recall();
toggle.setAttribute("aria-pressed", String(isInspecting));
showSide();
load().then(connect, () => replace(main, h("p", { class: "empty" }, "The simulator does not answer. Is it still running?")));
