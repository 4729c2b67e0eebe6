"""What has become of events, gathered and committed together.

Rule: an event is forgotten in memory only after its end is on disk; until then
another copy of it is still known. A commit that fails is tried again, with all
that has come since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from latchkey.dispatch.events.job import Job
from latchkey.errors import LatchkeyError
from latchkey.storage import Event, Progress, Tried

GATHER_SECONDS = 0.1
"""How long an end may wait for others: a crash within it runs those events once more."""
GATHER_MOST = 500
RETRY_SECONDS = 1.0

logger = logging.getLogger("latchkey.inbox")


class _Gathered:
    """Ends that belong to one commit; the last word on an event counts."""

    def __init__(self) -> None:
        self.done: list[Event] = []
        self.records: list[str] = []
        self.tried: dict[str, Tried] = {}
        self.settled: dict[str, Event] = {}
        self.aside: dict[str, Tried] = {}
        self.forgotten: list[Event] = []
        self.waiting: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self.done) + len(self.tried) + len(self.settled) + len(self.aside)

    def progress(self) -> Progress:
        return Progress(
            self.done, self.records, list(self.tried.values()), list(self.settled.values()), list(self.aside.values())
        )

    def absorb_older(self, older: _Gathered) -> None:
        """Take over what an earlier commit could not write, where nothing newer is known."""
        self.done = older.done + self.done
        self.records = older.records + self.records
        self.forgotten = older.forgotten + self.forgotten
        self.waiting = older.waiting + self.waiting
        self.aside = {**older.aside, **self.aside}
        self.tried = {**{key: value for key, value in older.tried.items() if key not in self.settled}, **self.tried}
        self.settled = {**{key: value for key, value in older.settled.items() if key not in self.tried}, **self.settled}


class Ledger:
    """Where workers tell what has become of an event; it commits many ends at a time."""

    def __init__(self, commit: Callable[[Progress], Awaitable[None]], forget: Callable[[Event], None]) -> None:
        """`commit` puts progress on disk off the loop; `forget` is told of each event whose end is there."""
        self._commit = commit
        self._forget = forget
        self._gathered = _Gathered()
        self._wake: asyncio.Event = asyncio.Event()
        self._full: asyncio.Event = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def done(self, job: Job) -> None:
        """Its listeners have all succeeded, or there are none."""
        if not job.is_on_disk:
            self._forget(job.event)
            return
        self._leave_record(job)
        self._gathered.forgotten.append(job.event)
        self._changed()

    def again(self, job: Job, tried: Tried) -> None:
        """It is to be tried again."""
        self._leave_record(job)
        self._put(job, tried)
        self._changed()

    def aside(self, job: Job, tried: Tried) -> None:
        """It has failed for the last time."""
        self._leave_record(job)
        self._gathered.aside[tried.event.event_id] = tried
        self._gathered.forgotten.append(job.event)
        self._changed()

    async def begun(self, job: Job) -> None:
        """It is about to be tried once more; returns when a crash in it will be counted."""
        self._put(job, job.tried(due_at=0.0))
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.waiting.append(committed)
        self._changed()
        self._full.set()
        await committed

    async def close(self) -> None:
        """Commit what has been gathered, if the store takes it."""
        self._closing = True
        self._wake.set()
        self._full.set()
        if self._task is not None:
            await self._task

    def _leave_record(self, job: Job) -> None:
        event_id = job.event.event_id
        if job.has_own_record:
            self._gathered.tried.pop(event_id, None)
            self._gathered.settled[event_id] = job.event
            job.has_own_record = False
        elif job.record is not None:
            self._gathered.done.append(job.event)
            job.record.events -= 1
            if not job.record.events:
                self._gathered.records.append(job.record.record_id)
            job.record = None

    def _put(self, job: Job, tried: Tried) -> None:
        job.has_own_record = True
        self._gathered.settled.pop(tried.event.event_id, None)
        self._gathered.tried[tried.event.event_id] = tried

    def _changed(self) -> None:
        self._wake.set()
        if len(self._gathered) >= GATHER_MOST:
            self._full.set()

    async def _run(self) -> None:
        while not (self._closing and not len(self._gathered)):
            await self._wake.wait()
            try:
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            self._full.clear()
            if not await self._write() and self._closing:
                return  # the store does not take it; those events run once more at the next start

    async def _write(self) -> bool:
        batch, self._gathered = self._gathered, _Gathered()
        if not len(batch):
            return True
        try:
            await self._commit(batch.progress())
        except LatchkeyError as error:
            logger.error("what has become of %d events could not be written: %s", len(batch), error)  # noqa: TRY400
            self._gathered.absorb_older(batch)
            if not self._closing:
                await asyncio.sleep(RETRY_SECONDS)
            self._wake.set()
            return False
        for event in batch.forgotten:
            self._forget(event)
        for committed in batch.waiting:
            if not committed.done():
                committed.set_result(None)
        return True
