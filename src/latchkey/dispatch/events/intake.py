"""Accepts events: copies are answered at once, new events after they are on disk.

Invariant: an event that got a 200 is never lost, and an event that could not be stored never gets one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from latchkey.dispatch.events.batch import Answer, Batch
from latchkey.dispatch.events.job import Job, Prepared, new_job
from latchkey.dispatch.events.pending import Pending
from latchkey.dispatch.events.stopped_streams import StoppedStreams
from latchkey.dispatch.events.workers import Workers
from latchkey.dispatch.listeners import Runner, is_own, mounted_only
from latchkey.errors import LatchkeyError, StoreUnavailable
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import AGENT_SESSION_STOPPED, Payload
from latchkey.storage import StoredEvent, event_id_of

DEADLINE_SECONDS = 2.3
"""An event that is not on disk by then gets a 503, so that Slack, which waits for 3 s, sends it again."""
MAX_RECENT = 10_000
"""Ids of finished events that are recognized if events are kept only in memory."""


class Intake:
    """Accepts verified events and hands them to the workers."""

    def __init__(
        self,
        runner: Runner,
        workers: Workers,
        pending: Pending,
        stopped_streams: StoppedStreams,
        metrics: Metrics,
        request_commit: Callable[[], None] | None,
        *,
        clock: Callable[[], float] = time.time,
        deadline: float = DEADLINE_SECONDS,
        take_stored: Callable[[], None] | None = None,
    ) -> None:
        """Call `request_commit` for each event that is to be stored; None keeps events only in memory.

        If `take_stored` is given, stored events are not queued here: it takes them from the store, or another server
        does.
        """
        self._runner = runner
        self._workers = workers
        self._pending = pending
        self._stopped_streams = stopped_streams
        self._metrics = metrics
        self._request_commit = request_commit
        self._clock = clock
        self._deadline = deadline
        self._take_stored = take_stored
        self._gathering: Batch | None = None
        self._committing: Batch | None = None
        self._recent: deque[str] = deque(maxlen=MAX_RECENT)
        self._recent_ids: set[str] = set()

    def accept(self, payload: Payload, body: bytes, request_id: str, answer: Answer) -> None:
        """Accept an event, and answer it at once or when it is on disk.

        Raises Overloaded or StoreUnavailable instead of calling `answer`.
        """
        if payload.type == AGENT_SESSION_STOPPED:
            self._stopped_streams.note(payload)
        listeners = self._runner.app.matching(payload)
        access = self._runner.cached_access(payload, listeners) if listeners else None
        if access is not None and is_own(payload, access):
            listeners = mounted_only(listeners)
        if not listeners:
            answer(None)
            return
        self._metrics.events_received.inc()
        event_id = event_id_of(payload.event_id, body)
        if self._is_known(event_id, answer):
            self._metrics.events_deduplicated.inc()
            return
        try:
            self._check_not_late(event_id)
            self._pending.check_room()
        except LatchkeyError:
            self._metrics.events_refused.inc()
            raise
        event_time = None if self._request_commit is None else _event_time(payload)  # only seen ids need it
        event = StoredEvent(event_id, self._clock(), request_id, payload.retry_num, body, event_time)
        prepared = Prepared(payload, listeners, access) if access is not None and access.is_installed else None
        job = new_job(event, payload, prepared)
        if self._request_commit is None:
            job.is_on_disk = False
            self._remember(event_id)
            self._keep(job)
            self._metrics.events_acknowledged.inc()
            answer(None)
        else:
            self._gather(job, answer)
            self._request_commit()

    @property
    def is_ready(self) -> bool:
        """Whether there are events to be committed."""
        return self._gathering is not None

    def take(self) -> list[StoredEvent]:
        """Return the events for a commit, which may be none; `committed` or `refuse` must follow."""
        self._committing, self._gathering = self._gathering, None
        return [] if self._committing is None else [job.event for job in self._committing.jobs.values()]

    def committed(self, known: set[str]) -> None:
        """The events taken are on disk; `known` are the ids of those that had been before."""
        batch, self._committing = self._committing, None
        if batch is None:
            return
        # Nothing is awaited between here and `_keep`, so there is always a trace of these events for their copies.
        batch.close()
        self._metrics.events_deduplicated.inc(len(known))
        self._metrics.events_acknowledged.inc(batch.answer(None))
        if self._take_stored is not None:
            self._take_stored()
            return
        for event_id, job in batch.jobs.items():
            if event_id not in known:
                self._keep(job)

    def refuse(self, error: LatchkeyError) -> None:
        """The events taken could not be stored."""
        batch, self._committing = self._committing, None
        if batch is not None:
            batch.close()
            self._metrics.events_refused.inc(batch.answer(error))

    def arriving(self) -> list[Job]:
        """Return the accepted events that are not on disk yet."""
        return [job for batch in self._batches() for job in batch.jobs.values()]

    async def settle(self) -> None:
        """Return once every event that is accepted now is on disk or refused."""
        for batch in self._batches():
            await batch.committed.wait()

    async def drain(self) -> None:
        """Return once every accepted event is on disk or refused, also those that are accepted meanwhile."""
        while batch := self._committing or self._gathering:
            await batch.committed.wait()

    def _is_known(self, event_id: str, answer: Answer) -> bool:
        """Whether a copy of the event is here; then this one is answered, now or together with the copy."""
        for batch in (self._gathering, self._committing):  # not `_batches()`, which would cost each event more
            if batch is not None and batch.join(event_id, answer):
                return True
        if event_id in self._pending or event_id in self._recent_ids:
            answer(None)
            return True
        return False

    def _batches(self) -> list[Batch]:
        return [batch for batch in (self._committing, self._gathering) if batch is not None]

    def _check_not_late(self, event_id: str) -> None:
        """Raise StoreUnavailable if the first copy was refused at its deadline and its commit may still succeed.

        A second copy that was stored beside it would run as well.
        """
        if self._committing is not None and event_id in self._committing.jobs:
            raise _too_late()

    def _gather(self, job: Job, answer: Answer) -> None:
        if self._gathering is None:
            batch = self._gathering = Batch()
            batch.timer = asyncio.get_running_loop().call_later(self._deadline, self._expire, batch)
        self._gathering.add(job, answer)

    def _expire(self, batch: Batch) -> None:
        if batch is self._gathering:
            self._gathering = None  # its commit has not begun, and is not needed
            batch.close()
        self._metrics.events_refused.inc(batch.answer(_too_late()))

    def _keep(self, job: Job) -> None:
        self._pending.add(job)
        self._workers.add(job)

    def _remember(self, event_id: str) -> None:
        if len(self._recent) == MAX_RECENT:
            self._recent_ids.discard(self._recent[0])
        self._recent.append(event_id)
        self._recent_ids.add(event_id)


def _event_time(payload: Payload) -> float | None:
    """Return Slack's event time, with the microseconds of the inner event's `event_ts` if it has any.

    Every copy repeats both. Seen ids begin with it, and with microseconds those of one commit are next to each other.
    """
    if payload.event_time is None:
        return None
    event_ts = payload.event.get("event_ts")
    fraction = event_ts.rpartition(".")[2] if isinstance(event_ts, str) else ""
    has_microseconds = len(fraction) == 6 and fraction.isascii() and fraction.isdigit()
    return payload.event_time + int(fraction) / 1_000_000 if has_microseconds else float(payload.event_time)


def _too_late() -> StoreUnavailable:
    return StoreUnavailable("timeout", "the store did not take the event in time")
