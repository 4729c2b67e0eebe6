"""Everything behind the events URL, wired: intake, workers, ledger, recovery and housekeeping.

Rule: one object to start and to drain; what it is made of does not know it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from latchkey.dispatch.events import backoff
from latchkey.dispatch.events.intake import Answer, Intake
from latchkey.dispatch.events.job import job_from
from latchkey.dispatch.events.outcomes import Ledger
from latchkey.dispatch.events.pending import Pending
from latchkey.dispatch.events.workers import Workers
from latchkey.dispatch.listeners import Runner
from latchkey.errors import LatchkeyError, PayloadError
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import Payload
from latchkey.storage import Inbox, Progress, Tried

REPLAY_SECONDS = 2.0
"""How soon an event is tried again after the administrator has asked for it."""
SWEEP_SECONDS = 60.0

logger = logging.getLogger("latchkey.inbox")


@dataclass(frozen=True)
class EventOptions:
    """What `[events]` sets."""

    durable: bool = True
    """False: only what has failed once is put on disk."""
    tries: int = 5
    ordered: bool = False
    inbox_events: int = 20_000
    inbox_bytes: int = 64 << 20


class EventFlow:
    """Events from their acceptance to the end of their listeners."""

    def __init__(
        self,
        runner: Runner,
        metrics: Metrics,
        inbox: Inbox,
        options: EventOptions,
        clock: Callable[[], float] = time.time,
        delay: Callable[[int, random.Random], float] = backoff.delay,
    ) -> None:
        """`clock` gives Unix seconds; `delay` says how long an event waits after so many attempts."""
        self._inbox = inbox
        self._metrics = metrics
        self._ordered = options.ordered
        self._pending = Pending(most_events=options.inbox_events, most_bytes=options.inbox_bytes, clock=clock)
        self._ledger = Ledger(self._commit, self._pending.remove)
        self._workers = Workers(
            runner,
            self._ledger,
            metrics,
            tries=options.tries,
            ordered=options.ordered,
            clock=clock,
            delay=delay,
        )
        self._intake = Intake(
            runner, self._workers, self._pending, metrics, inbox if options.durable else None, clock=clock
        )
        self._housekeeping: asyncio.Task[None] | None = None
        metrics.watch("inbox_events", "Events not finished", lambda: len(self._pending))
        metrics.watch("inbox_oldest_seconds", "Age of the oldest of them", self._pending.oldest_seconds)

    def start(self, recovered: list[Tried]) -> None:
        """Go on with what was found at the start, and begin to accept."""
        self._ledger.start()
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())
        if recovered:
            logger.warning("%d acknowledged events were not finished at the last stop; they go on now", len(recovered))
            self._metrics.recovered += len(recovered)
        for tried in sorted(recovered, key=lambda tried: tried.event.received_at):
            self._take(tried)

    def accept(self, payload: Payload, body: bytes, request_id: str, answer: Answer) -> None:
        """Take a verified event, and answer it at once or when it is on disk. Raises Overloaded."""
        self._intake.accept(payload, body, request_id, answer)

    async def drain(self, seconds: float) -> int:
        """Finish what has begun within `seconds`; returns how many events were left under way.

        They, and all that had not begun, are in the inbox for the next start.
        """
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.wait([self._housekeeping])
        await self._intake.drain(seconds)
        return await self._workers.drain(seconds)

    async def _commit(self, progress: Progress) -> None:
        await self._inbox.async_commit(progress)

    def _take(self, tried: Tried) -> None:
        try:
            job = job_from(tried)
        except PayloadError as error:
            # What was accepted once is refused now: it was written by a version that read it otherwise.
            logger.error("an event of the inbox is left there: %s", error)  # noqa: TRY400
            return
        self._pending.add(tried.event)
        if self._ordered:
            self._workers.add(job)  # waiting for its time would let later ones of its channel pass
        else:
            self._workers.add_later(job, tried.due_at)

    async def _keep_house(self) -> None:
        """Take what the administrator wants tried again, and forget old ids, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        next_sweep = loop.time()
        while True:
            try:
                for tried in await self._inbox.async_take_replays():
                    logger.info("an event is tried again request_id=%s", tried.event.request_id)
                    self._take(tried)
                if loop.time() >= next_sweep and not await self._inbox.async_forget_old():
                    next_sweep = loop.time() + SWEEP_SECONDS
            except LatchkeyError as error:
                logger.warning("housekeeping: %s", error)
            await asyncio.sleep(REPLAY_SECONDS)
