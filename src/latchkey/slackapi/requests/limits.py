"""The size of a request from Slack."""

MAX_BODY_BYTES = 8 << 20
"""More than Slack's largest requests, which are measured here in bytes as they are sent.

A submitted form has up to 100 inputs of up to 3,000 characters. An emoji takes 16 bytes (`%5Cud83d%5Cude00`), so that
the values take up to 4.8 MB. A view of up to 250 kB comes with them, of which each byte may take 3: 0.75 MB more.
An edited message comes with its earlier version, each with up to 40,000 characters both in `text` and in `blocks`. In
JSON, an emoji takes 12 bytes: 1.92 MB.
https://docs.slack.dev/reference/views, https://docs.slack.dev/reference/methods/views.open (`view_too_large`),
https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element,
https://docs.slack.dev/reference/methods/chat.postMessage ("Truncating content")
"""
