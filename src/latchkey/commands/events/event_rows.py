"""What the commands show of an event: nothing that a person wrote, except in `sent_body`."""

from __future__ import annotations

from typing import Any

from latchkey.commands.terminal import utc
from latchkey.errors import PayloadError, UnreadableRecord
from latchkey.slackapi.json_text import decode_json
from latchkey.slackapi.requests import parse_stored
from latchkey.storage import EventStatus, StoredEvent

_HIDDEN = "********"


def to_json(event: StoredEvent | UnreadableRecord) -> dict[str, Any]:
    """Return what is shown of an event, which includes nothing that a person wrote."""
    if isinstance(event, UnreadableRecord):
        return {"event_id": event.record_id, "status": "unreadable", "team": None, "error": event.reason}
    team, kind = _team_and_type(event)
    return {
        "event_id": event.event_id,
        "status": event.status.value,
        "team": team,
        "type": kind,
        "received": event.received_at,
        "request_id": event.request_id,
        "attempts": event.attempts,
        "next_try": event.due_at if event.status is EventStatus.RETRYING else None,
        "listeners": event.listeners,
        "error": event.error or None,
    }


def _team_and_type(event: StoredEvent) -> tuple[str | None, str | None]:
    try:
        payload = parse_stored(event.body)
    except PayloadError:
        return None, None
    return payload.workspace.team_id or payload.workspace.enterprise_id, payload.type


def has_trigger(event: StoredEvent) -> bool:
    """Whether the event has a trigger id, so that running it again is of no use."""
    try:
        return parse_stored(event.body).has_trigger
    except PayloadError:
        return False


def sent_body(event: StoredEvent) -> dict[str, Any]:
    """Return what Slack sent, without the verification token that it still includes."""
    body: dict[str, Any] = decode_json(event.body)
    return {**body, "token": _HIDDEN} if "token" in body else body


def cell(row: dict[str, Any], column: str) -> object:
    value = row.get(column)
    return utc(value) if column in ("received", "next_try") and value is not None else value
