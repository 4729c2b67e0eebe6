"""Unfinished events, as an operator sees and moves them.

Invariant: it is safe beside a running server. Only failed events are moved or deleted here; the server has all others
in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from latchkey.errors import UnreadableRecord
from latchkey.storage.inbox.event_codec import from_value
from latchkey.storage.inbox.stored_event import EventStatus, StoredEvent
from latchkey.storage.inbox.unfinished import TABLE_OF, unfinished
from latchkey.storage.records import Records
from latchkey.storage.tables import FAILED, REPLAYS, SEEN_IDS


class EventAdmin:
    """Blocking calls; each raises StoreUnavailable if the store does not respond."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self, statuses: Sequence[EventStatus] = tuple(EventStatus)) -> Iterator[StoredEvent | UnreadableRecord]:
        """Yield all events with these statuses, one status after another; an unreadable record is yielded as such."""
        for status in statuses:
            for record in self._records.all(TABLE_OF[status]):
                if isinstance(record, UnreadableRecord):
                    yield record
                else:
                    yield from unfinished(self._records, status, record)

    def find(self, event_id: str) -> StoredEvent | None:
        """Return an unfinished event, or None; raises UnreadableRecord."""
        for status in (EventStatus.FAILED, EventStatus.REPLAYING, EventStatus.RETRYING):
            stored = self._records.read(TABLE_OF[status], event_id)
            if stored is not None:
                return from_value(stored.value, status)
        for event in self.all([EventStatus.WAITING]):
            if isinstance(event, StoredEvent) and event.event_id == event_id:
                return event
        return None

    def replay(self, event_id: str) -> bool:
        """Ask the server to run a failed event again; False if there is no such event. Raises UnreadableRecord."""
        stored = self._records.read(FAILED, event_id)
        if stored is None:
            return False
        value = self._records.put(REPLAYS, event_id, stored.value)
        return self._records.commit([value, self._records.remove(FAILED, stored)])

    def drop(self, event_id: str) -> bool:
        """Delete a failed event, even if it is unreadable; False if there is no such event."""
        if not self._records.holds(FAILED, event_id):
            return False
        return self._records.commit([self._records.discard(FAILED, event_id)])

    def count_seen_ids(self) -> int:
        """Return how many ids are kept to recognize copies of events."""
        return self._records.engine.count(SEEN_IDS)
