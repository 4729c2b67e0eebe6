"""The inbox: an event is here from before its 200 until its listeners are done.

Rule: events that come together are sealed and committed as one record. A record
goes when the last of its events is done; until then the remembered ids tell
which of them are. What has been tried once has a record of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Change, Executor, Marks
from latchkey.storage.inbox import seen_ids
from latchkey.storage.inbox.event_codec import Event, Tried, pack, tried_from_value, tried_to_value
from latchkey.storage.inbox.unfinished import seen_id, unfinished
from latchkey.storage.records import PAGE, Records, Stored
from latchkey.storage.tables import ASIDE, INBOX, REMEMBERED, REPLAYS, RETRIES

SWEEP_LIMIT = 2000
"""Old ids forgotten in one transaction: some milliseconds."""

logger = logging.getLogger("latchkey.inbox")


class Arrival(NamedTuple):
    """An event and what Slack says of its time."""

    event: Event
    event_time: int | None


@dataclass
class Progress:
    """What has become of events since the last time that this was committed."""

    done: list[Event] = field(default_factory=list)
    """Each was in an inbox record; it is done, or stands in `tried` or `aside` as well."""
    finished_records: list[str] = field(default_factory=list)
    """Inbox records of which no event is left."""
    tried: list[Tried] = field(default_factory=list)
    """To be tried again; or about to be, so that a crash in it counts."""
    settled: list[Event] = field(default_factory=list)
    """Had a record of their own, and need it no more."""
    aside: list[Tried] = field(default_factory=list)


class Inbox:
    """The blocking calls; each raises StoreUnavailable where the store does not answer.

    The twins for the event loop take turns in one thread, so that what was begun first is on disk
    first. Two calls of a server are never under way at once.
    """

    def __init__(self, records: Records, executor: Executor, clock: Callable[[], float]) -> None:
        """`executor` has one thread; `clock` gives Unix seconds."""
        self._records = records
        self._executor = executor
        self._clock = clock
        self._last_record = 0

    def accept(self, arrivals: Sequence[Arrival]) -> tuple[str, set[str]]:
        """Put events on disk, all at once.

        Returns the new record's id, and the event ids that were known already and are not in it.
        """
        now = self._clock()
        possible = {
            record_id: event.event_id
            for event, event_time in arrivals
            for record_id in seen_ids.possible_record_ids(
                event.event_id, now, is_retry=event.retry_num is not None, event_time=event_time
            )
        }
        known = {possible[record_id] for record_id in self._records.existing(REMEMBERED, list(possible))}
        new = [event for event, _ in arrivals if event.event_id not in known]
        record_id = self._next_record_id(now)
        if new:
            self._records.commit([self._records.put(INBOX, record_id, pack(new))])
        return record_id, known

    def commit(self, progress: Progress) -> None:
        """Put on disk what has become of events, all at once."""
        changes: list[Change] = [self._records.discard(INBOX, record_id) for record_id in progress.finished_records]
        changes += [self._records.discard(RETRIES, event.event_id) for event in progress.settled]
        changes += [self._put(RETRIES, tried) for tried in progress.tried]
        changes += [self._put(ASIDE, tried) for tried in progress.aside]
        marks = [seen_id(event) for event in progress.done]
        self._records.commit(changes, Marks(REMEMBERED, marks))

    def async_accept(self, arrivals: Sequence[Arrival]) -> asyncio.Future[tuple[str, set[str]]]:
        return self._executor.submit("accept_events", self.accept, arrivals)

    def async_commit(self, progress: Progress) -> asyncio.Future[None]:
        return self._executor.submit("commit_progress", self.commit, progress)

    async def async_take_replays(self) -> list[Tried]:
        return await self._executor.run("take_replays", self.take_replays)

    async def async_forget_old(self) -> int:
        return await self._executor.run("forget_old", self.forget_old)

    def recover(self) -> list[Tried]:
        """Return every event that was not finished when the server last ended, and give each its own record.

        Those of the inbox may have been begun, so that this counts as their first attempt.
        """
        for record in self._records.all(INBOX):
            if isinstance(record, UnreadableRecord):
                logger.error("acknowledged events cannot be read: %s", record)
                continue
            self._split(record)
        found = []
        for record in self._records.all(RETRIES):
            if isinstance(record, UnreadableRecord):
                logger.error("an acknowledged event cannot be read: %s", record)
            else:
                found.append(tried_from_value(record.value))
        return found

    def take_replays(self) -> list[Tried]:
        """Return the events that the administrator wants tried again, as if they had never been."""
        taken: list[Tried] = []
        changes: list[Change] = []
        for record in self._records.page(REPLAYS, limit=PAGE):
            if isinstance(record, UnreadableRecord):
                logger.error("an event to be tried again cannot be read: %s", record)
                continue
            tried = tried_from_value(record.value)
            tried.attempts, tried.due_at = 0, self._clock()
            changes += [self._put(RETRIES, tried), self._records.remove(REPLAYS, record)]
            taken.append(tried)
        # Another hand between reading and this: the next time will do.
        return taken if changes and self._records.commit(changes) else []

    def forget_old(self) -> int:
        """Forget some of the ids that are older than 25 hours; how many."""
        return self._records.remove_before(REMEMBERED, seen_ids.expired_before(self._clock()), SWEEP_LIMIT)

    def _split(self, record: Stored) -> None:
        now = self._clock()
        tried = [Tried(item.event, 1, now) for item in unfinished(self._records, INBOX, record)]
        marks = [seen_id(item.event) for item in tried]
        changes = [*(self._put(RETRIES, item) for item in tried), self._records.remove(INBOX, record)]
        self._records.commit(changes, Marks(REMEMBERED, marks))

    def _put(self, table: str, tried: Tried) -> Change:
        return self._records.put(table, tried.event.event_id, tried_to_value(tried))

    def _next_record_id(self, now: float) -> str:
        """Return an id behind every earlier one of this process: records are read in the order in which they came."""
        self._last_record = max(self._last_record + 1, int(now * 1_000_000))
        return f"{self._last_record:016x}"
