"""The unfinished events in memory: their ids, to recognize copies, and their size, to refuse more when it is full."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from latchkey.dispatch.events.job import Job
from latchkey.errors import Overloaded
from latchkey.storage import StoredEvent


class Pending:
    """Events that were acknowledged, or are about to be, and are not finished."""

    def __init__(self, *, max_events: int, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._jobs: dict[str, Job] = {}
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._clock = clock
        self._removals: dict[str, asyncio.Event] = {}
        """For each event whose removal is waited for: set when it is removed."""

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._jobs

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def has_room(self) -> bool:
        return len(self._jobs) < self._max_events and self._bytes < self._max_bytes

    def check_room(self) -> None:
        """Raise Overloaded if the inbox is full."""
        if not self.has_room:
            raise Overloaded(len(self._jobs))

    def add(self, job: Job) -> None:
        self._jobs[job.event.event_id] = job
        self._bytes += len(job.event.body)

    def remove(self, event: StoredEvent) -> None:
        if self._jobs.pop(event.event_id, None) is not None:
            self._bytes -= len(event.body)
            if self._removals and (removal := self._removals.pop(event.event_id, None)) is not None:
                removal.set()

    async def wait_until_removed(self, jobs: Iterable[Job]) -> None:
        """Return once all of these have been removed."""
        ids = [job.event.event_id for job in jobs]
        for removal in [self._removals.setdefault(id_, asyncio.Event()) for id_ in ids if id_ in self._jobs]:
            await removal.wait()

    def oldest_seconds(self) -> float:
        """Return the age of the event that was received first; 0 if there is none."""
        first = next(iter(self._jobs.values()), None)
        return 0.0 if first is None else max(0.0, self._clock() - first.event.received_at)
