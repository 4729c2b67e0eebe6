"""Acknowledged events as the store keeps them, and the few shapes in which it does.

Rule: an event is kept as the bytes that Slack sent. What else is known of it
stands beside them, never in them.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec.msgpack


class Event(NamedTuple):
    """One verified event."""

    event_id: str
    received_at: float
    """Unix seconds."""
    request_id: str
    retry_num: int | None
    """Slack's X-Slack-Retry-Num; None at its first try."""
    body: bytes
    """JSON, as Slack sent it."""


@dataclass(slots=True)
class Tried:
    """An event and how far it has come."""

    event: Event
    attempts: int
    """How often its listeners have been begun, as far as is known."""
    due_at: float
    """Unix seconds; not before it is it tried again."""
    listeners: list[str] | None = None
    """The names of those that have not succeeded yet; None: all that match."""
    error: str = ""
    """What went wrong last: a type and a place, never a message."""


# msgpack and not JSON, which has no bytes.
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


def event_id_of(given: str | None, body: bytes) -> str:
    """Return the id that tells an event from every other: Slack's, or the body's hash where Slack gave none."""
    return given or "body-" + hashlib.sha256(body).hexdigest()[:32]


def pack(events: Sequence[Event]) -> str:
    """Return events as one text, small: what comes together is much alike, and less is sealed, written and erased."""
    return base64.b64encode(zlib.compress(_encode(events), 1)).decode()


def unpack(packed: str) -> list[Event]:
    return _decode(zlib.decompress(base64.b64decode(packed)))


def tried_to_value(tried: Tried) -> dict[str, Any]:
    return {
        "event": pack([tried.event]),
        "attempts": tried.attempts,
        "due_at": tried.due_at,
        "listeners": tried.listeners,
        "error": tried.error,
    }


def tried_from_value(value: dict[str, Any]) -> Tried:
    [event] = unpack(value["event"])
    return Tried(event, value["attempts"], value["due_at"], value["listeners"], value["error"])
