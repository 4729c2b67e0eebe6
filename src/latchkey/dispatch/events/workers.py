"""The workers behind the inbox: each event's listeners, in fair turns, until they have succeeded.

Rule: a listener that has succeeded is not run again because another has failed.
What fails is put off, longer each time, and set aside after the last try; none
of it holds up another workspace.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from latchkey.dispatch.events import backoff
from latchkey.dispatch.events.job import Job, parsed
from latchkey.dispatch.events.outcomes import Ledger
from latchkey.dispatch.fair_queue import FairQueue
from latchkey.dispatch.listeners import Listener, Runner, describe, is_own
from latchkey.dispatch.slots import Slot
from latchkey.errors import LatchkeyError, StoreUnavailable
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import Payload

RUNNING = 1000
"""Events whose listeners run at once."""
RUNNING_EACH = 100
"""Of one workspace."""

logger = logging.getLogger("latchkey.listeners")


class Workers:
    """Runs the listeners of events that were acknowledged."""

    def __init__(
        self,
        runner: Runner,
        ledger: Ledger,
        metrics: Metrics,
        *,
        tries: int,
        ordered: bool = False,
        running: int = RUNNING,
        running_each: int = RUNNING_EACH,
        clock: Callable[[], float] = time.time,
        delay: Callable[[int, random.Random], float] = backoff.delay,
    ) -> None:
        """`tries` is how often an event is begun before it is set aside; `ordered` keeps each channel's order."""
        self._runner = runner
        self._ledger = ledger
        self._metrics = metrics
        self._tries = tries
        self._clock = clock
        self._delay = delay
        self._chance = random.Random()  # noqa: S311  # it spreads retries, and keeps no secret
        self._queue: FairQueue[Job] = FairQueue(max_running=running, max_per_workspace=running_each, ordered=ordered)
        self._tasks: dict[Slot, asyncio.Task[None]] = {}
        self._later: set[asyncio.TimerHandle] = set()
        self._stopping = False

    def add(self, job: Job) -> None:
        """Take an event that is acknowledged; it is begun when its turn comes."""
        self._queue.add(job.workspace, job.channel_id, job)
        self._begin()
        if not job.begun:
            job.forget_what_is_cheap()

    def add_later(self, job: Job, due_at: float) -> None:
        """Take an event that is not to be begun before `due_at` (Unix seconds)."""
        self._after(due_at - self._clock(), lambda: self.add(job))

    async def drain(self, seconds: float) -> int:
        """Begin nothing more, wait for what is under way, cancel what is left then; returns how many that were.

        What was not finished is in the inbox still.
        """
        self._stopping = True
        for handle in self._later:
            handle.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        unfinished = set(self._tasks.values())
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        await self._ledger.close()
        return len(unfinished)

    def _begin(self) -> None:
        while not self._stopping and (job := self._queue.next()) is not None:
            job.begun = True
            slot = Slot(self._queue, job.workspace, job.channel_id, self._begin)
            # The loop keeps only weak references to its tasks.
            self._tasks[slot] = asyncio.get_running_loop().create_task(self._work(job, slot))

    async def _work(self, job: Job, slot: Slot) -> None:
        keep = False
        try:
            keep = not await self._try(job, slot)
        finally:
            del self._tasks[slot]
            slot.give_back(keep_channel=keep)

    async def _try(self, job: Job, slot: Slot) -> bool:
        """Run what is left of an event; False where it is to be tried again."""
        job.attempts += 1
        if job.attempts > 1:
            if job.attempts > self._tries:
                # It was begun often enough, and the server never lived to see its end.
                return self._give_up(job, "the server ended while it ran")
            await self._ledger.begun(job)
        payload = job.payload or parsed(job.event)
        try:
            failures = await self._run(job, payload, slot)
        except LatchkeyError as error:
            logger.error("an event could not be run: %s request_id=%s", error, job.event.request_id)  # noqa: TRY400
            if isinstance(error, StoreUnavailable):
                job.attempts -= 1  # no listener was asked; a store that is away for hours sets nothing aside
            failures = [("", error)]
        if not failures:
            self._metrics.finished += 1
            self._ledger.done(job)
            return True
        job.forget_what_is_cheap()
        what = "; ".join(f"{key}: {describe(raised)}" if key else describe(raised) for key, raised in failures)
        if failures[0][0]:
            job.left = [key for key, _ in failures]
        if job.attempts >= self._tries:
            return self._give_up(job, what)
        self._put_off(job, what)
        return False

    async def _run(self, job: Job, payload: Payload, slot: Slot) -> list[tuple[str, Exception]]:
        """Return the keys of the listeners that failed, and what they raised."""
        bot = job.bot or await self._runner.find_bot(payload)
        if bot is None:
            logger.info(
                "an event was not run: the workspace has not installed the app request_id=%s", job.event.request_id
            )
            return []
        if job.bot is None and is_own(payload, bot):
            return []
        listeners = job.listeners if job.listeners is not None else self._listeners(job, payload)
        runs = [
            self._runner.run(
                listener,
                self._runner.make_call(payload, listener, bot, job.event.request_id, attempt=job.attempts, slot=slot),
            )
            for listener in listeners
        ]
        errors = [await runs[0]] if len(runs) == 1 else await asyncio.gather(*runs)
        return [(listener.key, error) for listener, error in zip(listeners, errors, strict=True) if error is not None]

    def _listeners(self, job: Job, payload: Payload) -> list[Listener]:
        matching = self._runner.app.matching(payload)
        return matching if job.left is None else [listener for listener in matching if listener.key in job.left]

    def _put_off(self, job: Job, error: str) -> None:
        seconds = self._delay(max(1, job.attempts), self._chance)
        self._metrics.retried += 1
        self._ledger.again(job, job.tried(self._clock() + seconds, error))
        self._after(seconds, lambda: self._resume(job))

    def _resume(self, job: Job) -> None:
        self._queue.requeue(job.workspace, job)
        self._begin()

    def _give_up(self, job: Job, error: str) -> bool:
        logger.error(
            "an event was set aside: %s event_id=%s request_id=%s", error, job.event.event_id, job.event.request_id
        )
        self._metrics.set_aside += 1
        self._ledger.aside(job, job.tried(self._clock(), error))
        return True

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            self._later.discard(handle)
            if not self._stopping:
                call()

        handle = asyncio.get_running_loop().call_later(max(0.0, seconds), fire)
        self._later.add(handle)
