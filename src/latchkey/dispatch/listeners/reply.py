"""The HTTP response to a command, action, view or options request (mirrors `slack_bolt.context.ack`).

It is made from the arguments of `ack`: text only becomes text/plain, anything more becomes JSON, and no argument an
empty 200.
https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


class Reply(NamedTuple):
    """Status, content type and body of an HTTP response."""

    status: int = 200
    content_type: str = TEXT
    body: bytes = b""


EMPTY = Reply()


def text_reply(text: str, status: int = 200) -> Reply:
    return Reply(status, TEXT, text.encode("utf-8", "replace"))


def json_reply(document: object) -> Reply:
    """Return a JSON reply; slack_sdk's model objects (blocks, views, options) in it are converted."""
    return Reply(200, JSON, msgspec.json.encode(document, enc_hook=_model_to_dict))


def from_ack(text: str | dict[str, Any] = "", **fields: Any) -> Reply:
    """Return the reply for the arguments of `ack(...)`. Raises ValueError or TypeError if they are invalid."""
    if isinstance(text, dict):
        return json_reply({**text, **_given(fields)})
    if not isinstance(text, str):
        raise TypeError(f"ack() takes text or a dict, not {type(text).__name__}")
    unknown = fields.keys() - _FIELDS
    if unknown:
        raise TypeError(f"ack() does not take {', '.join(sorted(unknown))}")
    given = _given(fields)
    if given.get("response_action") == "errors" and not given.get("errors"):
        raise ValueError('ack(response_action="errors") needs errors=')
    if not given:
        return text_reply(text) if text else EMPTY
    # Replies to a form or a select have no text; messages always have one.
    return json_reply(given if given.keys() & _NO_TEXT else {"text": text, **given})


_NO_TEXT = frozenset({"options", "option_groups", "response_action", "errors"})
_FIELDS = _NO_TEXT | {"blocks", "attachments", "unfurl_links", "unfurl_media", "response_type", "view"}


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _model_to_dict(model: Any) -> Any:
    if hasattr(model, "to_dict"):
        return model.to_dict()
    raise TypeError(f"ack() cannot send a {type(model).__name__}")
