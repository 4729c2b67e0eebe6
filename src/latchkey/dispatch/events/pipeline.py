"""Everything behind the events URL: intake, workers, commits, recovery and housekeeping."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from latchkey.dispatch.events import backoff
from latchkey.dispatch.events.intake import DEADLINE_SECONDS, Intake
from latchkey.dispatch.events.job import Job, happened_by, job_from
from latchkey.dispatch.events.outcomes import OutcomeWriter
from latchkey.dispatch.events.pending import Pending
from latchkey.dispatch.events.stopped_streams import StoppedStreams
from latchkey.dispatch.events.workers import Workers
from latchkey.dispatch.listeners import Runner
from latchkey.errors import LatchkeyError, PayloadError, StoreUnavailable
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import WorkspaceId
from latchkey.storage import Inbox, StoredEvent

REPLAY_POLL_SECONDS = 2.0
"""A replay starts at most this long after the operator has asked for it."""
SWEEP_SECONDS = 60.0

logger = logging.getLogger("latchkey.inbox")


@dataclass(frozen=True)
class EventOptions:
    """The settings in `[events]`."""

    durable: bool = True
    """False: only events that have failed once are written to disk."""
    max_attempts: int = 5
    ordered: bool = False
    inbox_events: int = 20_000
    inbox_bytes: int = 64 << 20


class EventPipeline:
    """Accepts events and runs their listeners.

    New events and the outcomes of earlier ones share their commits, one at a time. Nothing waits for company: if no
    commit is running, it is committed at once; what arrives during a commit shares the next one.
    """

    def __init__(
        self,
        runner: Runner,
        metrics: Metrics,
        inbox: Inbox,
        options: EventOptions,
        clock: Callable[[], float] = time.time,
        delay: Callable[[int, random.Random], float] = backoff.delay,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        """`clock` returns Unix seconds; `delay` returns how long an event waits after this many attempts.

        `deadline` is how long an event may wait for its commit, in seconds.
        """
        self._inbox = inbox
        self._metrics = metrics
        self._ordered = options.ordered
        self._pending = Pending(max_events=options.inbox_events, max_bytes=options.inbox_bytes, clock=clock)
        self._outcomes = OutcomeWriter(self._request_commit, self._pending.remove)
        stopped_streams = StoppedStreams()
        takes_stored = options.durable and options.ordered and inbox.keep_order()
        self._workers = Workers(
            runner,
            self._outcomes,
            stopped_streams,
            metrics,
            max_attempts=options.max_attempts,
            ordered=options.ordered,
            clock=clock,
            delay=delay,
        )
        self._intake = Intake(
            runner,
            self._workers,
            self._pending,
            stopped_streams,
            metrics,
            self._request_commit if options.durable else None,
            clock=clock,
            deadline=deadline,
            take_stored=self.check_replays if takes_stored else None,
        )
        self.accept = self._intake.accept
        self._clock = clock
        self._deadline = deadline
        self._not_due: list[tuple[Job, float]] = []
        """Recovered events that wait for their retry, each with the latest time, by the loop's clock."""
        self._commits: asyncio.Task[None] | None = None
        self._has_replays = asyncio.Event()
        self._housekeeping: asyncio.Task[None] | None = None
        _watch(metrics, self._pending)

    def start(self, recovered: list[StoredEvent]) -> None:
        """Resume the events that were found at the start, and begin to accept new ones."""
        loop = asyncio.get_running_loop()
        self._housekeeping = loop.create_task(self._keep_house())

        def check_soon() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self.check_replays)

        self._inbox.when_announced(check_soon)
        if recovered:
            logger.warning("resuming %d acknowledged events left unfinished by the last run", len(recovered))
        self._recover(recovered)

    def check_replays(self) -> None:
        """Run at once what was stored to be replayed."""
        self._has_replays.set()

    async def settle(self) -> None:
        """Return once everything that is accepted or stored has run; some events may wait for their retry.

        For tests: they see then what the listeners have done.
        """
        await self._take_replays()
        while self._commits is not None or self._workers.is_running:
            await self._intake.settle()
            await self._workers.settle()
            if self._commits is not None:
                await asyncio.wait([self._commits])

    async def drain(self, seconds: float) -> int:
        """Finish within `seconds` what is running; returns how many events were still running then.

        These, and all that were not started, are in the inbox for the next start.
        """
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.wait([self._housekeeping])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._intake.drain()
        unfinished = await self._workers.drain(seconds)
        self._outcomes.close()
        if self._commits is not None:
            await asyncio.wait([self._commits])
        return unfinished

    def workspaces(self) -> set[WorkspaceId]:
        """Return the workspaces that have unfinished events."""
        return {job.workspace for job in (*self._intake.arriving(), *self._pending)}

    async def drop(self, covers: Callable[[WorkspaceId], bool], until: float | None) -> int:
        """Drop the unfinished events of workspaces that have removed the app; return how many, once that is on disk.

        `until` is when the app was removed (Unix seconds, by Slack's clock); later events stay. None: all go. A
        running listener is not stopped, but not retried. Events that report revocations stay, as their listeners
        need no token. Raises StoreUnavailable if the store does not take it in time.
        """

        def is_covered(job: Job) -> bool:
            return covers(job.workspace) and not job.is_revocation and happened_by(job, until)

        arriving = [job for job in self._intake.arriving() if is_covered(job) and not job.is_dropped]
        for job in arriving:
            job.is_dropped = True  # the workers finish it when it is on disk
        pending = [job for job in self._pending if is_covered(job) and not job.is_dropped]
        dropped = len(arriving) + self._workers.drop(pending)
        self._not_due = [(job, latest) for job, latest in self._not_due if not job.is_dropped]
        try:
            async with asyncio.timeout(self._deadline):
                await self._intake.settle()
                await self._pending.wait_until_removed(job for job in self._pending if job.is_dropped)
        except TimeoutError:
            raise StoreUnavailable("timeout", "the store did not drop a workspace's events in time") from None
        return dropped

    def _request_commit(self) -> None:
        """Commit what is waiting, after the commit that is running."""
        if self._commits is None:
            self._commits = asyncio.get_running_loop().create_task(self._commit_all())

    async def _commit_all(self) -> None:
        try:
            while self._intake.is_ready or self._outcomes.is_ready:
                await self._commit()
        finally:
            self._commits = None

    async def _commit(self) -> None:
        events, outcomes = self._intake.take(), self._outcomes.take()
        try:
            known = await self._inbox.async_commit(events, [outcome for outcome, _ in outcomes.values()])
        except LatchkeyError as error:
            self._outcomes.put_back(outcomes, error)
            self._intake.refuse(error)
        else:
            self._outcomes.committed(outcomes)
            self._intake.committed(known)

    def _resume(self, event: StoredEvent) -> None:
        try:
            job = job_from(event)
        except PayloadError as error:
            # It was accepted by a version that parsed it differently.
            logger.error("cannot parse a stored event, leaving it in the inbox: %s", error)  # noqa: TRY400
            return
        self._pending.add(job)
        # With order, an event that waited until it is due would be passed by later ones of its channel.
        if self._ordered or event.due_at <= self._clock():
            self._workers.add(job)
        else:
            self._not_due.append((job, asyncio.get_running_loop().time() + backoff.LONGEST_SECONDS))

    def _add_due(self) -> None:
        """Queue the recovered events that are due.

        The clock may have been wrong when their time was set, and may be corrected at any time: it is read anew at each
        call, and no event waits longer than the longest delay.
        """
        now, loop_now = self._clock(), asyncio.get_running_loop().time()
        waiting, self._not_due = self._not_due, []
        for job, latest in waiting:
            if job.event.due_at <= now or latest <= loop_now:
                self._workers.add(job)
            else:
                self._not_due.append((job, latest))

    async def _keep_house(self) -> None:
        """Queue what is due, take over events, run replays and delete old ids, until it is cancelled."""
        loop = asyncio.get_running_loop()
        next_sweep = loop.time()
        while True:
            self._has_replays.clear()
            self._add_due()
            try:
                await self._take_over()
                await self._take_replays()
                if loop.time() >= next_sweep and not await self._inbox.async_forget_old():
                    next_sweep = loop.time() + SWEEP_SECONDS
            except LatchkeyError as error:
                logger.warning("housekeeping: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPLAY_POLL_SECONDS):
                    await self._has_replays.wait()

    async def _take_over(self) -> None:
        taken = await self._inbox.async_take_over()
        if taken:
            logger.warning("taking over %d acknowledged events of a server that has ended", len(taken))
            self._recover(taken)

    def _recover(self, events: list[StoredEvent]) -> None:
        self._metrics.events_recovered.inc(len(events))
        for event in sorted(events, key=lambda event: event.received_at):
            self._resume(event)

    async def _take_replays(self) -> None:
        while self._pending.has_room and (taken := await self._inbox.async_take_replays()):
            for event in taken:
                logger.debug("taking an event from the store request_id=%s", event.request_id)
                self._resume(event)


def _watch(metrics: Metrics, pending: Pending) -> None:
    metrics.watch("inbox_events", "Unfinished events", lambda: len(pending))
    metrics.watch(
        "inbox_oldest_seconds", "Seconds since the oldest unfinished event was received", pending.oldest_seconds
    )
