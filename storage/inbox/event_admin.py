"""Events that are not done, as the administrator sees them and moves them.

Rule: it works beside a running server. Only events that were set aside are
moved or deleted here; the others are the server's, which has them in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from latchkey.errors import UnreadableRecord
from latchkey.storage.inbox.event_codec import Tried, tried_from_value
from latchkey.storage.inbox.unfinished import unfinished
from latchkey.storage.records import Records
from latchkey.storage.tables import ASIDE, INBOX, REMEMBERED, REPLAYS, RETRIES


class State(StrEnum):
    """Where an event stands; those that need somebody come first."""

    ASIDE = "aside"
    """A listener has failed for the last time."""
    AGAIN = "again"
    """It was set aside, and the administrator wants it tried again."""
    RETRYING = "retrying"
    """A listener has failed, and is tried again."""
    WAITING = "waiting"
    """Acknowledged; its listeners run now, or will."""


_TABLES = {State.ASIDE: ASIDE, State.AGAIN: REPLAYS, State.RETRYING: RETRIES, State.WAITING: INBOX}


class Entry(NamedTuple):
    """An event and where it stands, or a record of events that cannot be opened."""

    state: State
    tried: Tried | UnreadableRecord


class EventRecords:
    """The blocking calls; each raises StoreUnavailable where the store does not answer."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def entries(self, states: Sequence[State] = tuple(State)) -> Iterator[Entry]:
        """Go through all events in these states."""
        for state in states:
            for record in self._records.all(_TABLES[state]):
                if isinstance(record, UnreadableRecord):
                    yield Entry(state, record)
                else:
                    yield from (Entry(state, tried) for tried in unfinished(self._records, _TABLES[state], record))

    def find(self, event_id: str) -> Entry | None:
        """Return an event wherever it stands, or None; raises UnreadableRecord."""
        for state in (State.ASIDE, State.AGAIN, State.RETRYING):
            stored = self._records.read(_TABLES[state], event_id)
            if stored is not None:
                return Entry(state, tried_from_value(stored.value))
        for entry in self.entries([State.WAITING]):
            if isinstance(entry.tried, Tried) and entry.tried.event.event_id == event_id:
                return entry
        return None

    def replay(self, event_id: str) -> bool:
        """Ask for an event that was set aside to be tried again; False where there is none. Raises UnreadableRecord."""
        stored = self._records.read(ASIDE, event_id)
        if stored is None:
            return False
        value = self._records.put(REPLAYS, event_id, stored.value)
        return self._records.commit([value, self._records.remove(ASIDE, stored)])

    def drop(self, event_id: str) -> bool:
        """Delete an event that was set aside, also one that cannot be read; False where there is none."""
        if not self._records.holds(ASIDE, event_id):
            return False
        return self._records.commit([self._records.discard(ASIDE, event_id)])

    def remembered(self) -> int:
        """Return how many events of the last 25 hours are known by their ids."""
        return self._records.count(REMEMBERED)
