"""The inbox on disk: an event is in it from before its 200 until its listeners are done.

Invariant: what is acknowledged is on disk. Events that are accepted together are one record, a batch. An event whose
first attempt is over is done or has a record of its own, and its id is among the seen ids; a batch is deleted with the
outcome of its last event. If several servers can have the store open, each has events of its own, and the ids of
accepted events are on disk as well, so that one server recognizes what another has accepted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change, Executor, IdSet, Presence
from latchkey.storage.inbox.event_codec import from_value, pack, to_value
from latchkey.storage.inbox.own_events import OwnEvents
from latchkey.storage.inbox.replays import in_order
from latchkey.storage.inbox.seen_ids import accepted_form, accepted_id, expired_before, possible_ids, seen_id
from latchkey.storage.inbox.stored_event import EventStatus, Outcome, OutcomeKind, StoredEvent
from latchkey.storage.inbox.takeover import Takeover
from latchkey.storage.records import PAGE, Records
from latchkey.storage.tables import FAILED, INBOX, REPLAYS, RETRIES, SEEN_IDS

SWEEP_LIMIT = 2000
"""Maximum seen ids deleted in one transaction, which takes some milliseconds."""

MAX_ATTEMPTS = 5
"""Attempts of a commit if other servers accept copies of its events at the same time."""

logger = logging.getLogger("latchkey.inbox")


class Inbox:
    """Blocking calls; each raises StoreUnavailable if the store does not respond.

    The async calls run one after another in one thread, in the order in which they were made.
    """

    def __init__(self, records: Records, executor: Executor, clock: Callable[[], float], presence: Presence) -> None:
        """`executor` has one thread; `clock` returns Unix seconds."""
        self._records = records
        self._executor = executor
        self._clock = clock
        self._own = OwnEvents(presence.owner, clock)
        self._takeover = Takeover(records, self._own, presence, clock)
        self._presence = presence
        self._has_one_runner = False
        # Commit 3d666a3 and earlier ones gave arrival ids to all events, so those of the 25 hours before this process
        # started are looked up as well. Once no store can be younger than that, the look-up can go.
        self._arrival_ids_until = clock()

    def keep_order(self) -> bool:
        """Let only the server that leads run events; returns whether accepted events must be taken from the store.

        With a single server they need not: it has them in memory. Call it before the first commit.
        """
        self._has_one_runner = bool(self._own.owner)
        return self._has_one_runner

    def when_announced(self, callback: Callable[[], None]) -> None:
        """Call this, in a thread, when there may be events to take."""
        self._presence.when_announced(callback)

    def commit(self, events: Sequence[StoredEvent] = (), outcomes: Sequence[Outcome] = ()) -> set[str]:
        """Write new events and the outcomes of earlier ones in one transaction; at most one outcome of each event.

        Returns the ids of the new events that were seen before; these are not stored again.
        """
        for _ in range(MAX_ATTEMPTS):
            known = self._known(events)
            new = [event for event in events if event.event_id not in known]
            if self._commit(new, outcomes):
                return known
            # Another server has accepted a copy of an event meanwhile.
        raise StoreUnavailable("contended", "other servers keep accepting the same events")

    def async_commit(self, events: Sequence[StoredEvent], outcomes: Sequence[Outcome]) -> asyncio.Future[set[str]]:
        return self._executor.submit("commit_events", self.commit, events, outcomes)

    async def async_take_replays(self) -> list[StoredEvent]:
        return await self._executor.run("take_replays", self.take_replays)

    async def async_take_over(self) -> list[StoredEvent]:
        return await self._executor.run("take_over", self.take_over)

    async def async_forget_old(self) -> int:
        return await self._executor.run("forget_old", self.forget_old)

    def recover(self) -> list[StoredEvent]:
        """Return every event that was unfinished when its server stopped, and give each its own record.

        Waiting events may have been started, so this counts as their first attempt. If the store can
        only be read, they stay in their batch until their next attempt, before which they are written.
        """
        self._own.clear()  # of an earlier run in this process
        if not self._runs_events():
            return []
        self._takeover.claim_all()
        return self._takeover.take_claimed()

    def take_over(self) -> list[StoredEvent]:
        """Return the events of servers that have ended since the last call."""
        return self._takeover.take_over(claims=self._runs_events())

    def take_replays(self) -> list[StoredEvent]:
        """Return the events that an operator wants to run again, as if they had never been tried."""
        # What a server that has ended has left is older, and comes first.
        if self._has_one_runner and not (self._takeover.has_claimed and self._runs_events()):
            return []
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
        if not changes or not self._write(changes):
            return []
        for event in taken:
            self._own.add_retried(event.event_id)
        return taken

    def forget_old(self) -> int:
        """Delete some of the seen ids that are older than 25 hours; returns how many."""
        return self._records.engine.remove_before(SEEN_IDS, expired_before(self._clock()), SWEEP_LIMIT)

    def _runs_events(self) -> bool:
        return not self._has_one_runner or self._presence.leads()

    def _commit(self, new: Sequence[StoredEvent], outcomes: Sequence[Outcome]) -> bool:
        """False, having changed nothing, if another server has accepted one of the new events."""
        leaving = [event for _, event in outcomes if self._own.is_in_batch(event.event_id)]
        changes = [self._records.discard(INBOX, record_id) for record_id in self._own.emptied_batches(leaving)]
        for outcome in outcomes:
            changes += self._changes(outcome)
        batch_id = self._own.next_batch_id()
        if new and self._has_one_runner:
            number = self._presence.next_number()
            changes += [in_order(self._records, event, number, place) for place, event in enumerate(new)]
        elif new:
            changes.append(self._records.put(INBOX, batch_id, pack(new)))
        if self._own.owner:
            changes += [Change(SEEN_IDS, accepted_id(event), b"", expected=None) for event in new]
            changes += [self._records.discard(SEEN_IDS, accepted_id(event)) for event in leaving]
        if changes or leaving:
            marks = IdSet(SEEN_IDS, [seen_id(event) for event in leaving]) if leaving else None
            if not self._write(changes, marks):
                return False
        # Memory follows the disk: if the commit fails, the same outcomes can be handed in again.
        self._own.note(outcomes)
        if not self._has_one_runner:
            self._own.add_batch(batch_id, new)
        return True

    def _write(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        try:
            return self._records.commit(changes, ids)
        except StoreUnavailable:
            self._takeover.search_soon()
            raise

    def _known(self, events: Sequence[StoredEvent]) -> set[str]:
        """Return the ids of those events of which a copy was received before."""
        if not events:
            return set()
        now = self._clock()
        possible: dict[str, str] = {}
        for event in events:
            for record_id in possible_ids(event, now, arrival_ids_until=self._arrival_ids_until):
                possible[record_id] = event.event_id
                if self._own.owner:
                    possible[accepted_form(record_id)] = event.event_id
        return {possible[record_id] for record_id in self._records.engine.existing(SEEN_IDS, list(possible))}

    def _changes(self, outcome: Outcome) -> Iterator[Change]:
        """Yield the changes to the event's own record."""
        kind, event = outcome
        if kind is OutcomeKind.RETRY:
            yield self._put(RETRIES, event)
            return
        if kind is OutcomeKind.FAILED:
            yield self._put(FAILED, event)
        if not self._own.is_in_batch(event.event_id):
            yield self._records.discard(RETRIES, event.event_id)

    def _put(self, table: str, event: StoredEvent) -> Change:
        return self._records.put(table, event.event_id, to_value(event, self._own.owner))
