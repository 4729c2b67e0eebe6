"""The HTTP response to a command, action, view or options request (mirrors `slack_bolt.context.ack`).

It is made from the arguments of `ack`: text only becomes text/plain, anything more becomes JSON, and no argument an
empty 200.
https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

from __future__ import annotations

from typing import Any, NamedTuple

from latchkey.dispatch.listeners.arguments.message_fields import ACK, message_fields
from latchkey.slackapi.json_text import encode_json, well_formed

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


class Reply(NamedTuple):
    """An HTTP response to Slack."""

    status: int = 200
    content_type: str = TEXT
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers."""


EMPTY = Reply()


def text_reply(text: str, status: int = 200) -> Reply:
    return Reply(status, TEXT, well_formed(text).encode())


def json_reply(document: object) -> Reply:
    """Return a JSON reply; slack_sdk's model objects (blocks, views, options) in it are converted."""
    return Reply(200, JSON, encode_json(document))


def from_ack(*arguments: Any, **named: Any) -> Reply:
    """Return the reply for the arguments of `ack(...)`. Raises ValueError or TypeError if they are invalid."""
    fields = message_fields("ack", ACK, arguments, named)
    if fields.get("response_action") == "errors" and not fields.get("errors"):
        raise ValueError('ack(response_action="errors") needs errors=')
    text = fields.get("text", "")
    if fields.keys() <= {"text"} and isinstance(text, str):
        return text_reply(text) if text else EMPTY
    if fields.keys() & _NO_TEXT:
        fields.pop("text", None)
    return json_reply(fields)


_NO_TEXT = frozenset({"options", "option_groups", "response_action", "errors"})
"""Replies to a form or a select have no text; messages always have one."""
