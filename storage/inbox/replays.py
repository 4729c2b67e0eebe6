"""Stores an event so that a server takes it from the store and runs it."""

from __future__ import annotations

from latchkey.storage.engine import Change
from latchkey.storage.inbox.event_codec import to_value
from latchkey.storage.inbox.stored_event import StoredEvent
from latchkey.storage.records import Records
from latchkey.storage.tables import REPLAYS


def replay_of(records: Records, event: StoredEvent) -> Change:
    """Return the change after which the server takes the event and runs its listeners."""
    return records.put(REPLAYS, event.event_id, to_value(event))


def in_order(records: Records, event: StoredEvent, number: int, place: int) -> Change:
    """Return the change after which the server that leads takes the event, in the order of numbers, then of places."""
    return records.put(REPLAYS, f"{number:016x}-{place:04x}", to_value(event))
