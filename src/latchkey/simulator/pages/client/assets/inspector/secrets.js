// Blurs secrets until they are clicked, so that a screen can be shared.

import { h } from "../dom.js";

const HEADERS = new Set(["authorization", "x-slack-signature", "cookie", "set-cookie"]);
// Slack's tokens, and the fields that contain other secrets, in JSON, forms and our own "name = value".
const SECRETS = /(xox[a-z]{1,2}[-.][\w.-]+|xoxe[-.][\w.-]+|xwfp-[\w-]+|xapp-[\w-]+)|((?:client_secret|code|state|refresh_token|response_url)"?\s*[:=]\s*"?)([^"\s&,]+)/g;

// Returns the text with each secret in a button that shows it.
export function masked(text, header = "") {
  if (HEADERS.has(header.toLowerCase())) return secret(text);
  const found = [];
  let end = 0;
  for (const match of text.matchAll(SECRETS)) {
    const [whole, token, name, value] = match;
    if (value?.startsWith("{")) continue;
    found.push(text.slice(end, match.index), name ?? "", secret(token ?? value));
    end = match.index + whole.length;
  }
  return [...found, text.slice(end)];
}

function secret(value) {
  const button = h("button", { type: "button", class: "secret", title: "Show the secret", "aria-label": "Show the secret" }, "••••••••");
  button.addEventListener("click", () => button.replaceWith(h("span", { class: "shown-secret" }, value)));
  return button;
}
