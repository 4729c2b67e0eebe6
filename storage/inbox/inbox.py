"""The inbox on disk: an event is in it from before its 200 until its listeners are done.

Invariant: what is acknowledged is on disk. Events that are accepted together are one record, a batch. An event whose
first attempt is over is done or has a record of its own, and its id is among the seen ids; a batch is deleted with the
outcome of its last event.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change, Executor, IdSet
from latchkey.storage.inbox.event_codec import from_value, pack, to_value
from latchkey.storage.inbox.seen_ids import expired_before, possible_ids, seen_id
from latchkey.storage.inbox.stored_event import EventStatus, Outcome, OutcomeKind, StoredEvent
from latchkey.storage.inbox.unfinished import unfinished
from latchkey.storage.records import PAGE, Records, Stored
from latchkey.storage.tables import FAILED, INBOX, REPLAYS, RETRIES, SEEN_IDS

SWEEP_LIMIT = 2000
"""Maximum seen ids deleted in one transaction, which takes some milliseconds."""

logger = logging.getLogger("latchkey.inbox")


@dataclass(slots=True, eq=False)
class _Batch:
    """A record of events that were accepted together."""

    record_id: str
    unfinished: int


class Inbox:
    """Blocking calls; each raises StoreUnavailable if the store does not respond.

    The async calls run one after another in one thread, in the order in which they were made.
    """

    def __init__(self, records: Records, executor: Executor, clock: Callable[[], float]) -> None:
        """`executor` has one thread; `clock` returns Unix seconds."""
        self._records = records
        self._executor = executor
        self._clock = clock
        self._batches: dict[str, _Batch] = {}
        """The batch of each event that is in one, by event id."""
        self._last_record = 0
        # Commit 3d666a3 and earlier ones gave arrival ids to all events, so those of the 25 hours before this process
        # started are looked up as well. Once no store can be younger than that, the look-up can go.
        self._arrival_ids_until = clock()

    def commit(self, events: Sequence[StoredEvent] = (), outcomes: Sequence[Outcome] = ()) -> set[str]:
        """Write new events and the outcomes of earlier ones in one transaction; at most one outcome of each event.

        Returns the ids of the new events that were seen before; these are not stored again.
        """
        known = self._known(events)
        new = [event for event in events if event.event_id not in known]
        leaving = [event for _, event in outcomes if event.event_id in self._batches]
        left = Counter(self._batches[event.event_id] for event in leaving)
        changes = [
            self._records.discard(INBOX, batch.record_id) for batch, count in left.items() if count == batch.unfinished
        ]
        for outcome in outcomes:
            changes += self._changes(outcome)
        batch = _Batch(self._next_record_id(), len(new))
        if new:
            changes.append(self._records.put(INBOX, batch.record_id, pack(new)))
        if changes or leaving:
            marks = IdSet(SEEN_IDS, [seen_id(event) for event in leaving]) if leaving else None
            self._records.commit(changes, marks)
        # Memory follows the disk: if the commit fails, the same outcomes can be handed in again.
        for other, count in left.items():
            other.unfinished -= count
        for event in leaving:
            del self._batches[event.event_id]
        self._batches.update((event.event_id, batch) for event in new)
        return known

    def async_commit(self, events: Sequence[StoredEvent], outcomes: Sequence[Outcome]) -> asyncio.Future[set[str]]:
        return self._executor.submit("commit_events", self.commit, events, outcomes)

    async def async_take_replays(self) -> list[StoredEvent]:
        return await self._executor.run("take_replays", self.take_replays)

    async def async_forget_old(self) -> int:
        return await self._executor.run("forget_old", self.forget_old)

    def recover(self) -> list[StoredEvent]:
        """Return every event that was unfinished when the server last stopped, and give each its own record.

        Waiting events may have been started, so this counts as their first attempt. If the store can
        only be read, they stay in their batch until their next attempt, before which they are written.
        """
        self._batches.clear()  # of an earlier run in this process
        found = []
        for record in self._records.all(INBOX):
            if isinstance(record, UnreadableRecord):
                logger.error("cannot read acknowledged events: %s", record)
            else:
                found += self._split(record)
        for record in self._records.all(RETRIES):
            if isinstance(record, UnreadableRecord):
                logger.error("cannot read an acknowledged event: %s", record)
            else:
                found.append(from_value(record.value, EventStatus.RETRYING))
        return found

    def take_replays(self) -> list[StoredEvent]:
        """Return the events that an operator wants to run again, as if they had never been tried."""
        taken: list[StoredEvent] = []
        changes: list[Change] = []
        for record in self._records.page(REPLAYS, limit=PAGE):
            if isinstance(record, UnreadableRecord):
                logger.error("cannot read an event to be replayed: %s", record)
                continue
            event = from_value(record.value, EventStatus.REPLAYING)
            taken.append(Outcome.retry(event, attempts=0, due_at=self._clock()).event)
            changes += [self._put(RETRIES, taken[-1]), self._records.remove(REPLAYS, record)]
        # If a record has changed since it was read, the next call takes all of them.
        return taken if changes and self._records.commit(changes) else []

    def forget_old(self) -> int:
        """Delete some of the seen ids that are older than 25 hours; returns how many."""
        return self._records.engine.remove_before(SEEN_IDS, expired_before(self._clock()), SWEEP_LIMIT)

    def _known(self, events: Sequence[StoredEvent]) -> set[str]:
        """Return the ids of those events of which a copy was received before."""
        now = self._clock()
        possible = {
            record_id: event.event_id
            for event in events
            for record_id in possible_ids(event, now, arrival_ids_until=self._arrival_ids_until)
        }
        return (
            {possible[record_id] for record_id in self._records.engine.existing(SEEN_IDS, list(possible))}
            if events
            else set()
        )

    def _changes(self, outcome: Outcome) -> Iterator[Change]:
        """Yield the changes to the event's own record."""
        kind, event = outcome
        if kind is OutcomeKind.RETRY:
            yield self._put(RETRIES, event)
            return
        if kind is OutcomeKind.FAILED:
            yield self._put(FAILED, event)
        if event.event_id not in self._batches:
            yield self._records.discard(RETRIES, event.event_id)

    def _split(self, record: Stored) -> list[StoredEvent]:
        """Give each unfinished event of a batch its own record; returns them only if that cannot be written."""
        now = self._clock()
        waiting = unfinished(self._records, EventStatus.WAITING, record)
        events = [Outcome.retry(event, attempts=1, due_at=now).event for event in waiting]
        changes = [*(self._put(RETRIES, event) for event in events), self._records.remove(INBOX, record)]
        try:
            self._records.commit(changes, IdSet(SEEN_IDS, [seen_id(event) for event in events]))
        except StoreUnavailable as error:
            logger.error("%d events of the last run wait until the store can be written: %s", len(events), error)  # noqa: TRY400
            batch = _Batch(record.record_id, len(events))
            self._batches.update((event.event_id, batch) for event in events)
            return events
        return []

    def _put(self, table: str, event: StoredEvent) -> Change:
        return self._records.put(table, event.event_id, to_value(event))

    def _next_record_id(self) -> str:
        """Return an id after every earlier one of this process: records are read in the order of their arrival."""
        self._last_record = max(self._last_record + 1, int(self._clock() * 1_000_000))
        return f"{self._last_record:016x}"
