"""Parses every kind of request that Slack sends to the events URL.

Invariant: a signed body becomes a `Payload` or a `PayloadError` that names the
broken rule and shows nothing of the body, whatever the body holds.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from latchkey.errors import PayloadError
from latchkey.slackapi.json_text import decode_json
from latchkey.slackapi.requests.identity import WorkspaceId, as_object, identify, usable_id

MAX_FORM_FIELDS = 100
"""Slack's largest form has fewer than 20."""
_INVALID_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


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
    BEFORE_INSTALL = "before_install"
    """Not Slack's: an install that listeners may refuse."""
    INSTALLED = "installed"
    """Not Slack's: an install that this server has completed."""


_EVENTS_API = {
    "event_callback": Kind.EVENT,
    "url_verification": Kind.URL_VERIFICATION,
    "app_rate_limited": Kind.RATE_LIMITED,
}
_STORED = {f"latchkey_{kind}": kind for kind in (Kind.BEFORE_INSTALL, Kind.INSTALLED)} | _EVENTS_API
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
FUNCTION_EXECUTED = "function_executed"
AGENT_SESSION_STOPPED = "agent_session_stopped"
"""The type of the event that starts a run of a custom step."""


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
    """Who acted, or the author of the message that an event is about."""
    channel_id: str | None
    event: dict[str, Any]
    """The inner event; empty if there is none."""
    bot_id: str | None = None
    """The same as `user_id` for an app's messages."""
    event_id: str | None = None
    event_time: int | None = None
    """Unix seconds."""
    retry_num: int | None = None
    """X-Slack-Retry-Num, which the caller sets from the headers; None at the first attempt."""
    raw: bytes = field(default=b"", compare=False, repr=False)
    """The request's body as it was received, for apps that parse it themselves."""

    @classmethod
    def unauthenticated(cls, kind: Kind, body: dict[str, Any] | None = None) -> Payload:
        """Return a payload that belongs to no workspace and no user."""
        return cls(kind, kind, body or {}, WorkspaceId(None, None, False), None, None, {})

    @property
    def has_trigger(self) -> bool:
        """Whether a person waits for a call of Slack's API with the event's trigger id, which soon expires.

        https://docs.slack.dev/reference/events/entity_details_requested
        """
        return isinstance(self.event.get("trigger_id"), str)

    @property
    def function_token(self) -> str | None:
        """The token that Slack has issued for one run of a custom step, or None outside of one.

        https://docs.slack.dev/reference/events/function_executed; in interactivity that the step's messages and forms
        have caused, it is in the payload itself.
        """
        token = self.event.get("bot_access_token") or self.body.get("bot_access_token")
        return token if isinstance(token, str) and token else None

    @property
    def function_execution_id(self) -> str | None:
        """The id of the run of a custom step that the payload starts or belongs to, or None."""
        run_id = self.event.get("function_execution_id") or self._function_data.get("execution_id")
        return run_id if isinstance(run_id, str) and run_id else None

    @property
    def function_inputs(self) -> dict[str, Any] | None:
        """The inputs of that run, or None outside of one."""
        return as_object((self.event or self._function_data).get("inputs"))

    @property
    def _function_data(self) -> dict[str, Any]:
        return as_object(self.body.get("function_data")) or {}


def parse(content_type: str | None, body: bytes) -> Payload:
    """Return the parsed request; raises PayloadError.

    Slack sends events as JSON and everything else as a form. Interactive requests have one form
    field, `payload`, with JSON in it.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        payload = _events_api(_json_object(body))
    elif media_type == "application/x-www-form-urlencoded":
        payload = _form(_fields(body))
    else:
        raise PayloadError("content type")
    payload.raw = body
    return payload


def parse_stored(body: bytes) -> Payload:
    """Return an event from the store: one of Slack's, or one of this server's own. Raises PayloadError."""
    payload = _events_api(_json_object(body), _STORED)
    payload.raw = body
    return payload


def _json_object(text: bytes | str) -> dict[str, Any]:
    try:
        document = decode_json(text)
    except ValueError:
        raise PayloadError("not JSON") from None
    if not isinstance(document, dict):
        raise PayloadError("not a JSON object")
    return document


def _fields(body: bytes) -> dict[str, str]:
    parts = body.replace(b"+", b" ").split(b"&", MAX_FORM_FIELDS)
    if len(parts) > MAX_FORM_FIELDS or _INVALID_ESCAPE.search(body):
        raise PayloadError("not a form")
    fields: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition(b"=")
        if not equals:
            raise PayloadError("not a form")
        if (decoded := _unquoted(name)) in fields:
            # Two parsers that read one request differently are a way round a check.
            raise PayloadError("a field twice")
        fields[decoded] = _unquoted(value)
    return fields


def _unquoted(text: bytes) -> str:
    """Decode percent-encoding that is known to be valid.

    Slack's largest form has a million escapes, which would keep urllib, and the event loop, busy for half a second.
    binascii decodes quoted-printable text, which differs only in its escape character.
    """
    if text.find(b"%") >= 0:  # `in` costs five times as much: it makes an exception first
        text = binascii.a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))
    return text.decode("utf-8", "replace")


def _events_api(body: dict[str, Any], kinds: Mapping[str, Kind] = _EVENTS_API) -> Payload:
    kind = kinds.get(body["type"]) if isinstance(body.get("type"), str) else None
    if kind is None:
        raise PayloadError("type")
    if kind is Kind.URL_VERIFICATION:
        if not isinstance(body.get("challenge"), str):
            raise PayloadError("challenge")
        return Payload.unauthenticated(kind, body)
    event = as_object(body.get("event")) or {}
    name = kind if kind is Kind.RATE_LIMITED else event.get("type")
    # Slack counts a refused event as a failed delivery and sends it again. No listener is for one without a type.
    payload = _payload(kind, name if isinstance(name, str) else "", body)
    payload.event_id = usable_id(body.get("event_id"))
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
    workspace, user_id, bot_id, channel_id = identify(body)
    event = as_object(body.get("event")) or {}
    return Payload(kind, name, body, workspace, user_id, channel_id, event, bot_id)
