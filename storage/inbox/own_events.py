"""The unfinished events of this process: which record each is in.

Invariant: it follows the disk, and a record's id says to which server its batch belongs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from latchkey.storage.inbox.stored_event import Outcome, OutcomeKind, StoredEvent


@dataclass(slots=True, eq=False)
class Batch:
    """A record of events that were accepted together."""

    record_id: str
    unfinished: int


class OwnEvents:
    """Not thread-safe: the inbox uses it in one thread."""

    def __init__(self, owner: str, clock: Callable[[], float]) -> None:
        """`owner` is the name of this server; empty if there can be only one. `clock` returns Unix seconds."""
        self.owner = owner
        self._clock = clock
        self._last_record = 0
        self._batches: dict[str, Batch] = {}
        self._retried: set[str] = set()

    def clear(self) -> None:
        """Forget all, for a new run in the same process."""
        self._batches.clear()
        self._retried.clear()

    def next_batch_id(self) -> str:
        """Return an id after every earlier one of this process: records are read in the order of their arrival."""
        self._last_record = max(self._last_record + 1, int(self._clock() * 1_000_000))
        return f"{self._last_record:016x}-{self.owner}" if self.owner else f"{self._last_record:016x}"

    def add_batch(self, record_id: str, events: Sequence[StoredEvent]) -> None:
        """A record with these events is on disk."""
        batch = Batch(record_id, len(events))
        self._batches.update((event.event_id, batch) for event in events)

    def add_retried(self, event_id: str) -> None:
        """The event has a record of its own."""
        self._retried.add(event_id)

    def is_in_batch(self, event_id: str) -> bool:
        return event_id in self._batches

    def emptied_batches(self, leaving: Iterable[StoredEvent]) -> list[str]:
        """Return the ids of the batches in which nothing is left when these events have left."""
        left = Counter(self._batches[event.event_id] for event in leaving)
        return [batch.record_id for batch, count in left.items() if count == batch.unfinished]

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """The outcomes are on disk."""
        for kind, event in outcomes:
            batch = self._batches.pop(event.event_id, None)
            if batch is not None:
                batch.unfinished -= 1
            if kind is OutcomeKind.RETRY:
                self._retried.add(event.event_id)
            else:
                self._retried.discard(event.event_id)

    def batch_ids(self) -> set[str]:
        """Return the ids of the records in which unfinished events of this process are."""
        return {batch.record_id for batch in self._batches.values()}

    def knows_retried(self, event_id: str) -> bool:
        """Whether this process has the event that has a record of its own, or is about to have one."""
        return event_id in self._retried or event_id in self._batches


def owner_of(record_id: str) -> str:
    """Return the server to which a batch belongs; empty if there was only one."""
    return record_id.partition("-")[2]
