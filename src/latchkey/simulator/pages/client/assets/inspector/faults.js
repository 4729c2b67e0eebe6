// Faults on demand: what goes wrong with requests to the app, with its calls, and with its tokens.

import { h, replace } from "../dom.js";
import { act, state } from "../store.js";

// What a choice means for the requests to the app.
const SIGNATURES = {
  valid: {}, wrong: { bad_signature: true }, old: { age: 310 }, future: { age: -310 }, skew: { age: 120 },
};
const SIGNATURE_NAMES = {
  valid: "Valid", wrong: "Wrong", old: "Valid, but 310 s old", future: "From a clock 310 s ahead", skew: "From a clock 120 s behind (still valid)",
};
const FAILURES = {
  ratelimited: { label: "429 ratelimited, Retry-After 5 s", status: 429 },
  error500: { label: "500 Internal Server Error", status: 500 },
  error503: { label: "503 Service Unavailable", status: 503 },
  expired: { label: "token_expired", error: "token_expired" },
  revoked: { label: "token_revoked", error: "token_revoked" },
  fatal: { label: "fatal_error", error: "fatal_error" },
  slow: { label: "5 s late", seconds: 5 },
};

export function faultsPanel() {
  const element = h("div", { class: "faults scrolls", tabindex: "0", role: "region", "aria-label": "Faults" });
  return { element, show: () => replace(element, active(), sending(), calls(), tokens()) };
}

function active() {
  const { sending: given, api } = state.faults;
  const words = [];
  if (given.bad_signature) words.push("Requests have a wrong signature.");
  if (given.age) words.push(`Signatures are ${given.age > 0 ? `${given.age} s old` : `${-given.age} s in the future`}.`);
  if (given.delay) words.push(`Requests are ${given.delay} s late.`);
  if (given.copies > 1) words.push(`Each event is sent ${given.copies} times.`);
  if (given.swaps) words.push("Events arrive out of order.");
  for (const each of api) words.push(`${each.method === "*" ? "Every method" : each.method}: ${each.error ?? (each.status !== 200 ? each.status : `${each.seconds} s late`)}.`);
  if (!words.length) return h("p", { class: "soft" }, "Nothing goes wrong at the moment.");
  return h("div", { class: "alert alert-warning" }, h("ul", null, words.map((each) => h("li", null, each))), h("button", { type: "button", class: "quiet", onclick: () => act("no_faults", {}) }, "End all faults"));
}

function sending() {
  const given = state.faults.sending;
  const now = Object.entries(SIGNATURES).find(([, each]) => Boolean(each.bad_signature) === given.bad_signature && (each.age ?? 0) === given.age)?.[0] ?? "valid";
  const signature = h("select", { id: "fault-signature", onchange: set }, Object.entries(SIGNATURE_NAMES).map(([value, label]) => h("option", { value, selected: value === now }, label)));
  const delay = h("input", { id: "fault-delay", type: "number", min: "0", max: "30", step: "0.5", value: given.delay, onchange: set });
  const copies = h("input", { id: "fault-copies", type: "number", min: "1", max: "5", value: given.copies, onchange: set });
  const swaps = box("Out of order: each event waits for the next one", given.swaps, set);
  const retries = box("Send events again that the app does not acknowledge: after 1 s, 1 min and 5 min", given.retry_delays.length > 0, set);
  function set() {
    act("fault_sending", {
      faults: { ...SIGNATURES[signature.value], delay: Number(delay.value) || 0, copies: Number(copies.value) || 1, swaps: swaps.input.checked, retries: retries.input.checked },
    });
  }
  return h("section", null, h("h3", null, "Requests to the app"),
    field("Signature", signature), field("Seconds late", delay), field("Copies of each event", copies), swaps.element, retries.element);
}

function calls() {
  const method = h("input", { id: "fault-method", placeholder: "every method", autocomplete: "off" });
  const failure = h("select", { id: "fault-failure" }, Object.entries(FAILURES).map(([value, { label }]) => h("option", { value }, label)));
  const times = h("input", { id: "fault-times", type: "number", min: "1", max: "1000", value: "1" });
  const start = (event) => {
    event.preventDefault();
    const { status, error, seconds } = FAILURES[failure.value];
    act("fault_api", { method: method.value.trim() || "*", status, error, seconds, times: Number(times.value) || 1 });
  };
  return h("section", null, h("h3", null, "Calls of the app"), h("form", { onsubmit: start },
    field("Method", method), field("Response", failure), field("How many calls", times), h("button", { class: "quiet" }, "Let them fail")));
}

function tokens() {
  const button = (name, label) => h("button", { type: "button", class: "quiet", onclick: () => act(name, {}) }, label);
  return h("section", null, h("h3", null, "Installation in this workspace"), h("div", { class: "actions" },
    button("expire_tokens", "Expire the tokens"), button("revoke_tokens", "Revoke the tokens"), button("uninstall", "Uninstall the app")));
}

const field = (label, input) => h("div", { class: "field" }, h("label", { for: input.id }, label), input);

function box(label, checked, changed) {
  const input = h("input", { type: "checkbox", checked, onchange: changed });
  return { input, element: h("label", { class: "choice" }, input, h("span", null, label)) };
}
