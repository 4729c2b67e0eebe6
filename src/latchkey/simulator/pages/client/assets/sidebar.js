// The workspaces, people and conversations to choose from, and the app's installation.

import { h, replace } from "./dom.js";
import { avatar } from "./messages.js";
import { act, channel, directChannel, go, state, workspace } from "./store.js";

export function sidebar() {
  const element = h("nav", { class: "sidebar", "aria-label": "Workspaces and conversations" });
  const show = () => replace(element, workspaces(), you(), channels(), app());
  return { element, show };
}

function workspaces() {
  return h("label", { class: "pick" }, h("span", null, "Workspace"), h("select", {
    id: "workspace", value: state.team, onchange: (event) => go({ team: event.target.value }),
  }, state.workspaces.map((each) => h("option", { value: each.id, selected: each.id === state.team }, each.org ? `${each.name} (org ${each.org})` : each.name))));
}

function you() {
  return h("label", { class: "pick" }, h("span", null, "You are"), h("select", {
    id: "person", onchange: (event) => go({ user: event.target.value }),
  }, state.people.map((each) => h("option", { value: each.user_id, selected: each.user_id === state.user }, each.real_name))));
}

function conversation(id, label, mark) {
  const unread = state.unread.get(id) ?? 0;
  return h("li", null, h("button", {
    type: "button", class: unread ? "place unread" : "place", "aria-current": state.channel === id ? "page" : null, onclick: () => go({ channel: id }),
  }, mark, h("span", null, label), unread > 0 && h("span", { class: "count", "aria-label": `${unread} unread` }, unread > 99 ? "99+" : String(unread))));
}

function channels() {
  const found = state.channels.filter((each) => each.kind === "channel");
  return [h("h2", null, "Channels"), h("ul", null, found.map((each) => conversation(each.channel_id, each.name, h("span", { class: "mark", "aria-hidden": "true" }, "#"))))];
}

function app() {
  return [
    h("h2", null, "App"),
    h("ul", null, conversation(directChannel(), state.app.name, avatar(workspace().bot, true))),
    h("div", { class: "installation" }, state.app.is_installed
      ? [h("p", null, state.app.org_wide ? "Installed for the whole org" : "Installed here"),
         h("button", { type: "button", class: "quiet", onclick: () => act("uninstall", {}) }, "Remove the app")]
      : [h("p", null, "Not in this workspace yet"), h("a", { class: "button primary", href: state.app.install_url }, "Install the app")]),
  ];
}

export const title = () => (state.channel.startsWith("D") ? state.app.name : `# ${channel().name}`);
