"""Takes over the events of servers that have ended, and finds those of this one that it does not know of.

Invariant: an event is claimed by replacing the record in which it was found, so exactly one server gets it. What was
waiting may have been started by its former owner, so the takeover counts as its first attempt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cache

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change, IdSet, Presence
from latchkey.storage.inbox.event_codec import from_value, owner_in, to_value
from latchkey.storage.inbox.own_events import OwnEvents, owner_of
from latchkey.storage.inbox.seen_ids import accepted_id, seen_id
from latchkey.storage.inbox.stored_event import EventStatus, Outcome, StoredEvent
from latchkey.storage.inbox.unfinished import unfinished
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import INBOX, RETRIES, SEEN_IDS

SEARCH_SECONDS = 60.0
"""How long events are looked for after a commit whose result is unknown. A database that was still busy with it has
ended by then."""

logger = logging.getLogger("latchkey.inbox")


class Takeover:
    """Blocking calls; each raises StoreUnavailable if the store does not respond."""

    def __init__(self, records: Records, own: OwnEvents, presence: Presence, clock: Callable[[], float]) -> None:
        """`clock` returns Unix seconds."""
        self._records = records
        self._own = own
        self._presence = presence
        self._clock = clock
        self._search_until = 0.0
        self.has_claimed = False
        """Whether everything was looked through since this server began to claim events."""
        self._claimed: list[StoredEvent] = []

    def search_soon(self) -> None:
        """A commit has failed, and may have succeeded nevertheless: look for what it has stored."""
        if self._own.owner:
            self._search_until = time.monotonic() + SEARCH_SECONDS

    def take_over(self, *, claims: bool = True) -> list[StoredEvent]:
        """Return the events of servers that have ended since the last call, and own ones that this process lacks.

        Unless it `claims` them, this server only sees to it that those that have ended commit nothing more.
        """
        ended = self._presence.ended_owners()
        if not claims:
            self.has_claimed = False
            return []
        if ended or not self.has_claimed or time.monotonic() < self._search_until:
            self.claim_all(own_attempts=0)  # an own batch that this process lacks was never started
        for owner in ended:
            self._presence.forget_owner(owner)
        return self.take_claimed()

    def take_claimed(self) -> list[StoredEvent]:
        """Return what was claimed, once."""
        claimed, self._claimed = self._claimed, []
        return claimed

    def claim_all(self, *, own_attempts: int = 1) -> None:
        """Claim every event whose owner has ended, and own ones that this process lacks.

        If this fails, what has been claimed is not lost. `own_attempts` is how many attempts at own waiting events
        there have been.
        """
        self.has_claimed = True
        try:
            has_ended = cache(self._presence.has_ended)  # names are never used again
            known_batches = self._own.batch_ids()
            for record_id in self._records.ids(INBOX):
                owner = owner_of(record_id)
                if self._is_left(owner, record_id in known_batches, has_ended):
                    self._claim_batch(record_id, attempts=own_attempts if owner == self._own.owner else 1)
            for record in self._records.all(RETRIES):
                if isinstance(record, UnreadableRecord):
                    logger.error("cannot read an acknowledged event: %s", record)
                    continue
                owner = owner_in(record.value)
                if self._is_left(owner, self._own.knows_retried(record.record_id), has_ended):
                    self._claim_retried(record)
        except StoreUnavailable:
            self.has_claimed = False
            self.search_soon()
            raise

    def _is_left(self, owner: str, is_known: bool, has_ended: Callable[[str], bool]) -> bool:
        """Whether nobody has this record in memory."""
        return not is_known if owner == self._own.owner else has_ended(owner)

    def _claim_batch(self, record_id: str, *, attempts: int) -> None:
        """Give each unfinished event of a batch its own record."""
        try:
            record = self._records.read(INBOX, record_id)
        except UnreadableRecord as error:
            logger.error("cannot read acknowledged events: %s", error)  # noqa: TRY400
            return
        if record is None:
            return  # another server was faster
        now = self._clock()
        waiting = unfinished(self._records, EventStatus.WAITING, record)
        events = [Outcome.retry(event, attempts=attempts, due_at=now).event for event in waiting]
        changes = [*map(self._put, events), self._records.remove(INBOX, record)]
        if self._own.owner:
            changes += [self._records.discard(SEEN_IDS, accepted_id(event)) for event in events]
        try:
            claimed = self._records.commit(changes, IdSet(SEEN_IDS, [seen_id(event) for event in events]))
        except StoreUnavailable as error:
            if self._own.owner:
                raise
            self._keep_in_batch(record, events, error)
            return
        if claimed:
            self._add(events)

    def _keep_in_batch(self, record: Stored, events: Sequence[StoredEvent], error: StoreUnavailable) -> None:
        """A store that can only be read: the only server runs what is in it, and writes it before the next attempt."""
        logger.error("%d events of the last run wait until the store can be written: %s", len(events), error)
        self._own.add_batch(record.record_id, events)
        self._claimed += events

    def _claim_retried(self, record: Stored) -> None:
        event = from_value(record.value, EventStatus.RETRYING)
        if owner_in(record.value) == self._own.owner:
            self._add([event])
            return
        claim = self._records.replace(RETRIES, record, record.record_id, to_value(event, self._own.owner))
        if self._records.commit([claim]):
            self._add([event])

    def _add(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            self._own.add_retried(event.event_id)
        self._claimed += events

    def _put(self, event: StoredEvent) -> Change:
        return self._records.put(RETRIES, event.event_id, to_value(event, self._own.owner))
