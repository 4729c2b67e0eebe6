"""New events that share a commit, and the requests that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from latchkey.dispatch.events.job import Job

Answer: TypeAlias = Callable[[Exception | None], None]
"""Called once: with None if the event was stored or is a copy of one that was, otherwise with the error."""


class Batch:
    """Jobs by event id, and the answers that are still to be given."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.committed = asyncio.Event()
        """Set when its commit is over, or when all its events were refused before."""
        self.timer: asyncio.TimerHandle | None = None
        self._answers: dict[str, list[Answer]] = {}

    def add(self, job: Job, answer: Answer) -> None:
        event_id = job.event.event_id
        self.jobs[event_id] = job
        self._answers[event_id] = [answer]

    def join(self, event_id: str, answer: Answer) -> bool:
        """Answer a copy together with its event; False if the event is not in the batch or was answered already."""
        answers = self._answers.get(event_id)
        if answers is None:
            return False
        answers.append(answer)
        return True

    def answer(self, error: Exception | None) -> int:
        """Answer all requests that are still waiting; returns how many there were."""
        waiting, self._answers = self._answers, {}
        count = 0
        for answers in waiting.values():
            for answer in answers:
                answer(error)
                count += 1
        return count

    def close(self) -> None:
        """Call it when the commit is over."""
        self.committed.set()
        if self.timer is not None:
            self.timer.cancel()
