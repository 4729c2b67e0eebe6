"""The outcomes of attempts, from the workers to the next commit.

Invariant: an event is forgotten in memory only after its outcome is on disk; until then copies of it are recognized in
memory. Outcomes that could not be written are written later.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from latchkey.dispatch.events.job import Job
from latchkey.errors import LatchkeyError
from latchkey.storage import Outcome, OutcomeKind, StoredEvent

MAX_OUTCOMES = 500
"""In one commit."""
RETRY_SECONDS = 1.0
"""After a failed commit, unless new events are committed earlier."""

logger = logging.getLogger("latchkey.inbox")


class _Written(NamedTuple):
    """An outcome, and the future of the attempt that waits until it is on disk, if there is one."""

    outcome: Outcome
    waiter: asyncio.Future[None] | None = None


Outcomes: TypeAlias = dict[str, _Written]
"""By event id: a later outcome of an event replaces an earlier one."""


class OutcomeWriter:
    """Gathers outcomes for the next commit."""

    def __init__(self, request_commit: Callable[[], None], forget: Callable[[StoredEvent], None]) -> None:
        """`forget` is called with each finished event whose outcome is on disk."""
        self._request_commit = request_commit
        self._forget = forget
        self._outcomes: Outcomes = {}
        self._retry: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there are outcomes to be committed now."""
        return bool(self._outcomes) and self._retry is None

    def done(self, job: Job) -> None:
        """All listeners of the event have succeeded, or there are none."""
        if job.is_on_disk:
            self._write(Outcome.done(job.event))
        else:
            self._forget(job.event)

    def dropped(self, job: Job) -> None:
        """The event is finished now, even if an attempt is still running, or about to."""
        if job.is_on_disk:
            replaced = self._outcomes.get(job.event.event_id)
            self._write(Outcome.done(job.event), replaced.waiter if replaced is not None else None)
        else:
            self._forget(job.event)

    def retry(self, job: Job, *, attempts: int, due_at: float, waiter: asyncio.Future[None] | None = None) -> None:
        """The event is tried again at `due_at` (Unix seconds); `waiter` is resolved once that is on disk."""
        outcome = Outcome.retry(job.event, attempts=attempts, due_at=due_at)
        job.event = outcome.event
        job.is_on_disk = True
        self._write(outcome, waiter)

    def failed(self, job: Job, *, attempts: int, now: float) -> None:
        """The event has failed for the last time."""
        self._write(Outcome.failed(job.event, attempts=attempts, now=now))

    async def started(self, job: Job, attempts: int) -> None:
        """Return once it is on disk that one more attempt has started, so that a crash during it counts."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.retry(job, attempts=attempts, due_at=0.0, waiter=written)
        await written

    async def step_completed(self, job: Job, attempts: int) -> None:
        """Return once it is on disk that Slack has completed the run of the event's custom step."""
        job.event = job.event._replace(is_step_complete=True)
        if job.is_on_disk and not job.is_dropped:
            await self.started(job, attempts)

    def take(self) -> Outcomes:
        """Return the outcomes for a commit; `committed` or `put_back` must follow."""
        if len(self._outcomes) <= MAX_OUTCOMES:
            taken, self._outcomes = self._outcomes, {}
        else:
            taken = dict(itertools.islice(self._outcomes.items(), MAX_OUTCOMES))
            for event_id in taken:
                del self._outcomes[event_id]
        return taken

    def committed(self, outcomes: Outcomes) -> None:
        """These outcomes are on disk."""
        self._stop_waiting()
        for outcome, waiter in outcomes.values():
            if outcome.kind is not OutcomeKind.RETRY:
                self._forget(outcome.event)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def put_back(self, outcomes: Outcomes, error: LatchkeyError) -> None:
        """These outcomes could not be written; they are tried again later, with those that have come since."""
        if not outcomes:
            return
        logger.error("could not save the outcomes of %d events: %s", len(outcomes), error)
        self._outcomes = {**outcomes, **self._outcomes}
        self._stop_waiting()
        self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._resume)

    def close(self) -> None:
        """Request a last commit at once, whether or not one has failed just now."""
        self._resume()

    def _write(self, outcome: Outcome, waiter: asyncio.Future[None] | None = None) -> None:
        self._outcomes[outcome.event.event_id] = _Written(outcome, waiter)
        self._request_commit()

    def _resume(self) -> None:
        self._stop_waiting()
        self._request_commit()

    def _stop_waiting(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
