"""Runs the listeners of acknowledged events until they have succeeded, workspaces taking turns.

Invariant: a listener that has succeeded does not run again because another has failed. Failed events are retried with
growing delays, and are kept as failed after the last attempt; no workspace can block another.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable

from latchkey.dispatch.events import backoff
from latchkey.dispatch.events.attempt_log import log_end
from latchkey.dispatch.events.attempts import Attempts, Failure
from latchkey.dispatch.events.job import Job
from latchkey.dispatch.events.outcomes import OutcomeWriter
from latchkey.dispatch.events.stopped_streams import StoppedStreams
from latchkey.dispatch.fair_queue import FairQueue
from latchkey.dispatch.listeners import Runner, describe
from latchkey.dispatch.slots import Slot
from latchkey.errors import LatchkeyError, MustReinstall, StoreUnavailable, TokenUnavailable
from latchkey.metrics import Metrics

MAX_RUNNING = 1000
"""Events whose listeners run at the same time."""
MAX_PER_WORKSPACE = 100
"""The same, of one workspace."""

TRIGGER_EXPIRED = "trigger expired"
"""What begins the error of a failed event with a trigger id, which is not retried."""

logger = logging.getLogger("latchkey.listeners")


class Workers:
    """Runs the listeners of events that were acknowledged."""

    def __init__(
        self,
        runner: Runner,
        outcomes: OutcomeWriter,
        stopped_streams: StoppedStreams,
        metrics: Metrics,
        *,
        max_attempts: int,
        ordered: bool = False,
        max_running: int = MAX_RUNNING,
        max_per_workspace: int = MAX_PER_WORKSPACE,
        clock: Callable[[], float] = time.time,
        delay: Callable[[int, random.Random], float] = backoff.delay,
    ) -> None:
        """`max_attempts` counts the first attempt too; `ordered` runs the events of a channel one after another."""
        self._attempts = Attempts(runner, outcomes, stopped_streams)
        self._outcomes = outcomes
        self._metrics = metrics
        self._max_attempts = max_attempts
        self._clock = clock
        self._delay = delay
        self._chance = random.Random()  # noqa: S311  # it spreads retries, and keeps no secret
        self._queue: FairQueue[Job] = FairQueue(
            max_running=max_running, max_per_workspace=max_per_workspace, ordered=ordered
        )
        self._tasks: dict[Slot, asyncio.Task[None]] = {}
        self._later: dict[Job, asyncio.TimerHandle] = {}
        """The timer of each event that waits for its retry."""
        self._stopping = False

    @property
    def is_running(self) -> bool:
        """Whether the listeners of an event run."""
        return bool(self._tasks)

    def add(self, job: Job) -> None:
        """Queue an acknowledged event, or start it at once."""
        if job.is_dropped:
            self._metrics.events_dropped.inc()
            self._outcomes.done(job)
            return
        if job.has_trigger:
            self._begin_at_once(job)
        else:
            self._queue.add(job.workspace, job.channel_id, job)
            self._begin()
        if not job.is_running:
            job.prepared = None

    def drop(self, jobs: Iterable[Job]) -> int:
        """Finish waiting events without running them, and don't retry running ones; return how many waited."""
        waiting = 0
        for job in jobs:
            job.is_dropped = True
            self._outcomes.dropped(job)  # also while it runs: a crash must not make it run again
            if job.is_running:
                continue
            waiting += 1
            self._metrics.events_dropped.inc()
            if (timer := self._later.pop(job, None)) is not None:
                timer.cancel()
                self._queue.requeue(job.workspace, job)  # so that the queue goes on to the channel's next event
        self._begin()
        return waiting

    async def settle(self) -> None:
        """Return once no event runs; some may wait for their retry."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def drain(self, seconds: float) -> int:
        """Start nothing more, and cancel what is still running after `seconds`; returns how many events that were.

        Unfinished events are still in the inbox.
        """
        self._stopping = True
        for handle in self._later.values():
            handle.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        unfinished = set(self._tasks.values())
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        return len(unfinished)

    def _begin(self) -> None:
        while not self._stopping and (job := self._queue.next()) is not None:
            if job.is_dropped:
                self._queue.release(job.workspace, job.channel_id)
                continue
            self._start(job)

    def _begin_at_once(self, job: Job) -> None:
        """Start an event that must not wait for others."""
        if not self._stopping:
            self._queue.admit(job.workspace)
            self._start(job)

    def _start(self, job: Job) -> None:
        job.is_running = True
        job.began = time.monotonic()
        slot = Slot(self._queue, job.workspace, job.channel_id, self._begin)
        # The loop keeps only weak references to its tasks.
        self._tasks[slot] = asyncio.get_running_loop().create_task(self._work(job, slot))

    async def _work(self, job: Job, slot: Slot) -> None:
        keep_channel = False
        try:
            keep_channel = not await self._try(job, slot)
        except Exception as error:
            # Otherwise the event would wait for the next start of the server.
            logger.exception("an attempt at an event ended unexpectedly request_id=%s", job.event.request_id)
            self._note_error(job, f"{type(error).__name__} in the server")
            keep_channel = not self._retry_or_fail(job, max(1, job.event.attempts))
        finally:
            job.is_running = False
            del self._tasks[slot]
            slot.give_back(keep_channel=keep_channel)

    async def _try(self, job: Job, slot: Slot) -> bool:
        """Make one attempt at an event; False if it is to be retried."""
        attempts = job.event.attempts + 1
        if attempts > self._max_attempts_at(job):
            # The server stopped during the last attempt.
            self._note_error(job, "the server stopped while it ran")
            return self._fail(job, job.event.attempts)
        if attempts > 1:
            await self._outcomes.started(job, attempts)
        if job.is_dropped:
            self._metrics.events_dropped.inc()
            return True
        pause = 0.0
        try:
            failures = await self._attempts.run(job, attempts, slot)
        except LatchkeyError as error:
            logger.error("cannot run an event: %s request_id=%s", error, job.event.request_id)  # noqa: TRY400
            failures = [(None, error)]
            if _is_temporary(error):
                attempts -= 1  # no listener has run: hours without a store, or without Slack, make no event fail
            if isinstance(error, TokenUnavailable):
                pause = backoff.delay_by_age(self._clock() - job.event.received_at)
        job.prepared = None
        if not failures:
            self._metrics.events_finished.inc()
            log_end(job, attempts, "done")
            self._outcomes.done(job)
            return True
        if job.is_dropped:
            self._metrics.events_dropped.inc()
            return True
        self._note(job, failures)
        return self._retry_or_fail(job, attempts, pause)

    def _note(self, job: Job, failures: list[Failure]) -> None:
        """Note in the event what went wrong, and which listeners have not succeeded yet."""
        errors = [(f"{listener.id}: " if listener else "") + describe(error, listener) for listener, error in failures]
        self._note_error(job, "; ".join(errors))
        if failed := [listener.id for listener, _ in failures if listener is not None]:
            job.event = job.event._replace(listeners=failed)

    def _note_error(self, job: Job, error: str) -> None:
        job.event = job.event._replace(error=f"{TRIGGER_EXPIRED}: {error}" if job.has_trigger else error)

    def _max_attempts_at(self, job: Job) -> int:
        return 1 if job.has_trigger else self._max_attempts

    def _retry_or_fail(self, job: Job, attempts: int, pause: float = 0.0) -> bool:
        """End an attempt that has failed; False if the event is to be retried."""
        if attempts >= self._max_attempts_at(job) or job.has_trigger:
            return self._fail(job, attempts)
        self._retry(job, attempts, pause)
        return False

    def _retry(self, job: Job, attempts: int, pause: float) -> None:
        """Run the event again after the delay for this many attempts, and not before `pause` seconds."""
        seconds = max(pause, self._delay(max(1, attempts), self._chance))
        self._metrics.events_retried.inc()
        log_end(job, attempts, "retry", retry_seconds=seconds)
        self._outcomes.retry(job, attempts=attempts, due_at=self._clock() + seconds)
        self._requeue_after(seconds, job)

    def _fail(self, job: Job, attempts: int) -> bool:
        event = job.event
        logger.error(
            "an event failed for the last time: %s event_id=%s request_id=%s",
            event.error,
            event.event_id,
            event.request_id,
        )
        self._metrics.events_failed.inc()
        log_end(job, attempts, "failed")
        self._outcomes.failed(job, attempts=attempts, now=self._clock())
        return True

    def _requeue_after(self, seconds: float, job: Job) -> None:
        """Queue an event again after this time."""

        def requeue() -> None:
            self._later.pop(job, None)
            if not self._stopping:
                self._queue.requeue(job.workspace, job)
                self._begin()

        self._later[job] = asyncio.get_running_loop().call_later(max(0.0, seconds), requeue)


def _is_temporary(error: LatchkeyError) -> bool:
    return isinstance(error, StoreUnavailable | TokenUnavailable) and not isinstance(error, MustReinstall)
