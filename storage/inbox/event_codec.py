"""How events are encoded in the inbox's records.

Invariant: a body is kept as the bytes that Slack sent; everything else about the event is stored beside it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec.msgpack

from latchkey.storage.inbox.stored_event import EventStatus, StoredEvent


class _Packed(NamedTuple):
    """The first fields of a StoredEvent. Records of the first format lack `event_time`."""

    event_id: str
    received_at: float
    request_id: str
    retry_num: int | None
    body: bytes
    event_time: float | None = None


_FIELDS = len(_Packed._fields)
# msgpack, because JSON has no bytes.
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Packed]).decode


def pack(events: Sequence[StoredEvent]) -> str:
    """Encode and compress events: those of a batch are similar, so less is encrypted, written and overwritten."""
    return base64.b64encode(zlib.compress(_encode([event[:_FIELDS] for event in events]), 1)).decode()


def unpack(packed: str) -> list[StoredEvent]:
    """Return the events as they were before their first attempt."""
    return [StoredEvent(*fields) for fields in _decode(zlib.decompress(base64.b64decode(packed)))]


def to_value(event: StoredEvent, owner: str = "") -> dict[str, Any]:
    """Encode an event that has a record of its own; `owner` is the server that runs it, if there can be several."""
    return {
        "event": pack([event]),
        "attempts": event.attempts,
        "due_at": event.due_at,
        "listeners": event.listeners,
        "error": event.error,
        **({"step_complete": True} if event.is_step_complete else {}),
        **({"owner": owner} if owner else {}),
    }


def owner_in(value: dict[str, Any]) -> str:
    """Return the server that runs the event; empty if there was only one."""
    return str(value.get("owner", ""))


def from_value(value: dict[str, Any], status: EventStatus) -> StoredEvent:
    """Decode what `to_value` has encoded; `status` follows from the record's table."""
    [event] = unpack(value["event"])
    return event._replace(
        status=status,
        attempts=value["attempts"],
        due_at=value["due_at"],
        listeners=value["listeners"],
        error=value["error"],
        is_step_complete=value.get("step_complete", False),
    )
