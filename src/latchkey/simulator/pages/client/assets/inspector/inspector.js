// Every request between Slack and the app, and faults on demand.

import { h, iconButton, replace } from "../dom.js";
import { act, exchange as readExchange, state } from "../store.js";
import { curl } from "./curl.js";
import { faultsPanel } from "./faults.js";
import { masked } from "./secrets.js";

const MAX_ROWS = 200;

export function inspector(close) {
  const rows = h("ol", { class: "exchanges" });
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the requests", oninput: () => fill() });
  const requests = h("div", { class: "inspector-requests" }, h("div", { class: "filter" }, filter), h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Requests" }, rows));
  const faults = faultsPanel();
  const lines = h("pre", { class: "log scrolls", tabindex: "0", "aria-label": "The app's log", role: "region" });
  const body = h("div", { class: "inspector-body" });
  const tabs = ["Requests", "Log", "Faults"].map((name) => h("button", { type: "button", role: "tab", onclick: () => choose(name) }, name));
  const element = h("section", { class: "panel inspector", "aria-label": "Inspector" },
    h("header", { class: "panel-head" }, h("h2", { class: "hidden" }, "Inspector"), h("div", { class: "tabs", role: "tablist", "aria-label": "Inspector" }, tabs), iconButton("close", "Close the inspector", close)),
    body);

  function choose(name) {
    for (const tab of tabs) tab.setAttribute("aria-selected", String(tab.textContent === name));
    replace(body, { Requests: requests, Log: lines, Faults: faults.element }[name]);
    lines.scrollTop = lines.scrollHeight;
  }

  const matches = (each) => `${each.direction} ${each.what} ${each.status}`.toLowerCase().includes(filter.value.trim().toLowerCase());

  function fill() {
    const found = state.exchanges.filter(matches).slice(-MAX_ROWS).reverse();
    replace(rows, found.map(row), !found.length && h("li", { class: "empty" }, "What Slack and the app send each other appears here."));
  }

  function showLog() {
    const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.textContent = state.log.join("\n") || "The app's log is not known here: it runs beside the simulator.";
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }

  choose("Requests");
  return {
    element,
    load: () => { fill(); faults.show(); showLog(); },
    log: showLog,
    faults: faults.show,
    show(each) {
      if (!matches(each)) return;
      const before = rows.querySelector(`[data-number="${each.number}"]`);
      if (before) {
        update(before, each);
        return;
      }
      rows.querySelector(".empty")?.remove();
      rows.prepend(row(each));
      while (rows.children.length > MAX_ROWS) rows.lastElementChild.remove();
    },
  };
}

function row(each) {
  const toApp = each.direction === "to the app";
  const details = h("div", { class: "exchange-details" });
  const found = h("details", {
    class: each.failed ? "exchange failed" : "exchange",
    ontoggle: async () => { if (found.open && !details.childElementCount) replace(details, await inFull(each)); },
  },
  h("summary", null,
    h("span", { class: `direction ${toApp ? "to-app" : "to-slack"}` }, toApp ? "to app" : "to Slack"),
    h("span", { class: "what" }, each.what),
    h("span", { class: "status" }, String(each.status === 599 ? "none" : each.status)),
    h("span", { class: "duration" }, `${Math.round(each.milliseconds)} ms`),
    h("span", { class: "note" }, each.note)),
  details);
  return h("li", { dataset: { number: each.number } }, found);
}

// Shows what has become known of a request since: how its listeners ended.
function update(before, each) {
  const fresh = row(each);
  fresh.firstChild.open = before.firstChild.open;
  before.replaceWith(fresh);
}

async function inFull(each) {
  let full;
  try {
    full = await readExchange(each.number);
  } catch {
    return h("p", { class: "soft" }, "This request is no longer recorded.");
  }
  const copied = h("span", { role: "status", class: "soft" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(curl(full));
      copied.textContent = "Copied, with its secrets.";
    } catch {
      copied.textContent = "The browser does not allow it.";
    }
  };
  return [
    h("ul", { class: "notes" }, full.notes.map((note) => h("li", null, note))),
    h("div", { class: "exchange-buttons" },
      h("button", { type: "button", class: "quiet", onclick: copy }, "Copy as curl"),
      each.direction === "to the app" && h("button", { type: "button", class: "quiet", onclick: () => act("replay", { number: each.number }) }, "Send again"), copied),
    part(`${full.method} ${full.url}`, full.headers, full.body),
    part(each.status === 599 ? "No response" : `Response ${full.status} after ${full.milliseconds} ms`, full.response_headers, full.response_body),
  ];
}

function part(title, headers, body) {
  return h("section", { class: "part" },
    h("h3", null, masked(title)),
    headers.length ? h("details", { class: "headers" }, h("summary", null, `${headers.length} headers`), h("dl", null, headers.map(([name, value]) => [h("dt", null, name), h("dd", null, masked(value, name))]))) : null,
    body ? h("pre", { tabindex: "0" }, masked(readable(body))) : null);
}

// Returns a body for people: JSON in lines, forms as one field in each line, with the payload as JSON.
function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    if (!/^[\w.%-]+=/.test(body)) return body;
  }
  return [...new URLSearchParams(body)].map(([name, value]) => {
    try {
      return /^[[{]/.test(value) ? `${name} = ${JSON.stringify(JSON.parse(value), null, 2)}` : `${name} = ${value}`;
    } catch {
      return `${name} = ${value}`;
    }
  }).join("\n");
}
