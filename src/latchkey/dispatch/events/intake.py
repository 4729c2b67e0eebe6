"""Where events come in: known ones are answered, new ones are on disk before their 200.

Rule: nothing that got a 200 is dropped, and nothing is promised that is not
kept. Events that come within one turn of the loop, or while a commit is under
way, share the next commit, so that one fsync serves many.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from latchkey.dispatch.events.job import Job, SharedRecord
from latchkey.dispatch.events.pending import Pending
from latchkey.dispatch.events.workers import Workers
from latchkey.dispatch.listeners import Runner, is_own
from latchkey.errors import LatchkeyError, StoreUnavailable
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import Payload
from latchkey.storage import Arrival, Event, Inbox, event_id_of

DEADLINE_SECONDS = 2.3
"""An event that is not on disk by then is answered with 503, so that Slack, which waits for 3 s, sends it again."""
RECENT = 10_000
"""Ids known in memory where events are not durable."""

Answer: TypeAlias = Callable[[Exception | None], None]
"""Is told once that the event is kept or known (None), or why it is not."""


class _Batch:
    """Events that share a commit."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.jobs: list[Job] = []
        self.answers: dict[str, list[Answer]] = {}
        """By event id; one that has been answered is here no more."""
        self.event_ids: frozenset[str] = frozenset()
        """Of all its events, when it is being committed."""
        self.timer: asyncio.TimerHandle | None = None

    def answer(self, event_id: str, error: Exception | None) -> int:
        """Answer all who sent this event, and return how many they were."""
        answers = self.answers.pop(event_id, ())
        for answer in answers:
            answer(error)
        return len(answers)

    def answer_all(self, error: Exception | None) -> int:
        return sum(self.answer(event_id, error) for event_id in list(self.answers))


class Intake:
    """Takes verified events; `durable=False` takes them into memory alone."""

    def __init__(
        self,
        runner: Runner,
        workers: Workers,
        pending: Pending,
        metrics: Metrics,
        inbox: Inbox | None,
        *,
        clock: Callable[[], float] = time.time,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        """`inbox` None keeps events in memory alone."""
        self._runner = runner
        self._workers = workers
        self._pending = pending
        self._metrics = metrics
        self._inbox = inbox
        self._clock = clock
        self._deadline = deadline
        self._gathering: _Batch | None = None
        self._committing: _Batch | None = None
        self._task: asyncio.Task[None] | None = None
        self._recent: deque[str] = deque(maxlen=RECENT)
        self._recent_ids: set[str] = set()

    def accept(self, payload: Payload, body: bytes, request_id: str, answer: Answer) -> None:
        """Take an event and answer it, at once or when it is on disk.

        Raises Overloaded or StoreUnavailable, and then answers nothing.
        """
        listeners = self._runner.app.matching(payload)
        bot = self._runner.cached_bot(payload) if listeners else None
        if not listeners or (bot is not None and is_own(payload, bot)):
            answer(None)
            return
        self._metrics.received += 1
        event_id = event_id_of(payload.event_id, body)
        if self._is_known(event_id, answer):
            self._metrics.deduplicated += 1
            return
        try:
            self._check_not_late(event_id)
            self._pending.check_room()
        except LatchkeyError:
            self._metrics.refused += 1
            raise
        event = Event(event_id, self._clock(), request_id, payload.retry_num, body)
        job = Job(event, payload.workspace, payload.channel_id, payload, listeners, bot)
        if self._inbox is None:
            self._remember(event_id)
            self._keep(job)
            self._metrics.acknowledged += 1
            answer(None)
        else:
            self._gather(job, payload.event_time, answer)

    async def drain(self, seconds: float) -> None:
        """Wait until all that has come is on disk, or was refused."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    def _is_known(self, event_id: str, answer: Answer) -> bool:
        """Whether the event is here already; it is answered, now or together with the first one of its id."""
        for batch in (self._gathering, self._committing):
            if batch is not None and event_id in batch.answers:
                batch.answers[event_id].append(answer)
                return True
        if event_id in self._pending or event_id in self._recent_ids:
            answer(None)
            return True
        return False

    def _check_not_late(self, event_id: str) -> None:
        """Raise StoreUnavailable where the event's first copy was refused, and its commit may succeed yet.

        A second copy beside it would run as well.
        """
        if self._committing is not None and event_id in self._committing.event_ids:
            raise _too_late()

    def _gather(self, job: Job, event_time: int | None, answer: Answer) -> None:
        batch = self._gathering
        loop = asyncio.get_running_loop()
        if batch is None:
            batch = self._gathering = _Batch()
            batch.timer = loop.call_later(self._deadline, self._expire, batch)
            if self._task is None:
                loop.call_soon(self._begin)
        batch.arrivals.append(Arrival(job.event, event_time))
        batch.jobs.append(job)
        batch.answers[job.event.event_id] = [answer]

    def _begin(self) -> None:
        if self._task is None and self._gathering is not None:
            self._task = asyncio.get_running_loop().create_task(self._commit_all())

    async def _commit_all(self) -> None:
        try:
            while self._gathering is not None:
                batch, self._gathering = self._gathering, None
                batch.event_ids = frozenset(batch.answers)
                self._committing = batch
                await self._commit(batch)
                self._committing = None
        finally:
            self._committing = None
            self._task = None

    async def _commit(self, batch: _Batch) -> None:
        assert self._inbox is not None  # _gather is called for durable events alone
        try:
            record_id, known = await self._inbox.async_accept(batch.arrivals)
        except LatchkeyError as error:
            self._metrics.refused += batch.answer_all(error)
            return
        finally:
            if batch.timer is not None:
                batch.timer.cancel()
        # Nothing is awaited from here on: whoever asks next finds these events pending, not gathering.
        record = SharedRecord(record_id, len(batch.jobs) - len(known))
        self._metrics.deduplicated += len(known)
        self._metrics.acknowledged += batch.answer_all(None)
        for job in batch.jobs:
            if job.event.event_id not in known:
                job.record = record
                self._keep(job)

    def _expire(self, batch: _Batch) -> None:
        if batch is self._gathering:
            self._gathering = None  # it has not begun, and need not
        self._metrics.refused += batch.answer_all(_too_late())

    def _keep(self, job: Job) -> None:
        self._pending.add(job.event)
        self._workers.add(job)

    def _remember(self, event_id: str) -> None:
        if len(self._recent) == RECENT:
            self._recent_ids.discard(self._recent[0])
        self._recent.append(event_id)
        self._recent_ids.add(event_id)


def _too_late() -> StoreUnavailable:
    return StoreUnavailable("timeout", "the store did not take the event in time")
