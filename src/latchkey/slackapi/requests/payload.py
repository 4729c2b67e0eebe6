"""Parses every kind of request that Slack sends to the events URL.

Invariant: a signed body becomes a `Payload` or a `PayloadError` that names the
broken rule and shows nothing of the body, whatever the body holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from latchkey.errors import PayloadError
from latchkey.slackapi.requests.identity import WorkspaceId, as_object, checked_id, identify

MAX_FORM_FIELDS = 100
"""Slack's largest form has fewer than 20."""

_decode_json = msgspec.json.Decoder().decode


class Kind(StrEnum):
    """The kinds of payload, each handled in its own way."""

    URL_VERIFICATION = "url_verification"
    SSL_CHECK = "ssl_check"
    EVENT = "event"
    RATE_LIMITED = "app_rate_limited"
    COMMAND = "command"
    ACTION = "action"
    SHORTCUT = "shortcut"
    VIEW = "view"
    OPTIONS = "options"


_EVENTS_API = {
    "event_callback": Kind.EVENT,
    "url_verification": Kind.URL_VERIFICATION,
    "app_rate_limited": Kind.RATE_LIMITED,
}
# https://docs.slack.dev/reference/interaction-payloads, with the legacy attachments and dialogs.
_INTERACTIVITY = {
    "block_actions": Kind.ACTION,
    "interactive_message": Kind.ACTION,
    "dialog_submission": Kind.ACTION,
    "dialog_cancellation": Kind.ACTION,
    "shortcut": Kind.SHORTCUT,
    "message_action": Kind.SHORTCUT,
    "view_submission": Kind.VIEW,
    "view_closed": Kind.VIEW,
    "block_suggestion": Kind.OPTIONS,
    "dialog_suggestion": Kind.OPTIONS,
}


@dataclass(slots=True)
class Payload:
    """One verified request, parsed."""

    kind: Kind
    type: str
    """Slack's own type: the event's ("app_mention"), the interaction's ("block_actions"), or the command ("/x")."""
    body: dict[str, Any]
    """The event's wrapper, the form's fields, or the JSON in the form's `payload` field."""
    workspace: WorkspaceId
    user_id: str | None
    channel_id: str | None
    event: dict[str, Any]
    """The inner event; empty if there is none."""
    event_id: str | None = None
    event_time: int | None = None
    """Unix seconds."""
    retry_num: int | None = None
    """X-Slack-Retry-Num, which the caller sets from the headers; None at the first attempt."""

    @classmethod
    def unauthenticated(cls, kind: Kind, body: dict[str, Any] | None = None) -> Payload:
        """Return a payload that belongs to no workspace and no user."""
        return cls(kind, kind, body or {}, WorkspaceId(None, None, False), None, None, {})


def parse(content_type: str | None, body: bytes) -> Payload:
    """Return the parsed request; raises PayloadError.

    Slack sends events as JSON and everything else as a form. Interactive requests have one form
    field, `payload`, with JSON in it.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return _events_api(_json_object(body))
    if media_type == "application/x-www-form-urlencoded":
        return _form(_fields(body))
    raise PayloadError("content type")


def _json_object(text: bytes | str) -> dict[str, Any]:
    try:
        document = _decode_json(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        raise PayloadError("not JSON") from None
    if not isinstance(document, dict):
        raise PayloadError("not a JSON object")
    return document


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except (ValueError, UnicodeError):
        raise PayloadError("not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Two parsers that read one request differently are a way round a check.
        raise PayloadError("a field twice")
    return fields


def _events_api(body: dict[str, Any]) -> Payload:
    kind = _EVENTS_API.get(body["type"]) if isinstance(body.get("type"), str) else None
    if kind is None:
        raise PayloadError("type")
    if kind is Kind.URL_VERIFICATION:
        if not isinstance(body.get("challenge"), str):
            raise PayloadError("challenge")
        return Payload.unauthenticated(kind, body)
    event = as_object(body.get("event")) or {}
    name = kind if kind is Kind.RATE_LIMITED else event.get("type")
    if not isinstance(name, str):
        raise PayloadError("event type")
    payload = _payload(kind, name, body)
    payload.event_id = checked_id(body.get("event_id"), "event_id")
    time = body.get("event_time")
    payload.event_time = time if isinstance(time, int) and not isinstance(time, bool) and 0 <= time < 1 << 40 else None
    return payload


def _form(fields: dict[str, str]) -> Payload:
    if "payload" in fields:
        body = _json_object(fields["payload"])
        kind = _INTERACTIVITY.get(body["type"]) if isinstance(body.get("type"), str) else None
        if kind is None:
            raise PayloadError("type")
        return _payload(kind, body["type"], body)
    if "command" in fields:
        return _payload(Kind.COMMAND, fields["command"], dict(fields))
    if fields.get("ssl_check") == "1":
        # All other fields are dropped: an ssl_check may be unsigned.
        return Payload.unauthenticated(Kind.SSL_CHECK)
    raise PayloadError("neither payload nor command")


def _payload(kind: Kind, name: str, body: dict[str, Any]) -> Payload:
    workspace, user_id, channel_id = identify(body)
    return Payload(kind, name, body, workspace, user_id, channel_id, as_object(body.get("event")) or {})
