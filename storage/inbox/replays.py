"""Stores an event so that the server runs it: for an event that is committed together with other records."""

from __future__ import annotations

from latchkey.storage.engine import Change
from latchkey.storage.inbox.event_codec import to_value
from latchkey.storage.inbox.stored_event import StoredEvent
from latchkey.storage.records import Records
from latchkey.storage.tables import REPLAYS


def replay_of(records: Records, event: StoredEvent) -> Change:
    """Return the change after which the server takes the event and runs its listeners."""
    return records.put(REPLAYS, event.event_id, to_value(event))
