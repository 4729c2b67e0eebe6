"""The clock of the simulated Slack and of the server, which a test moves, and the event loop that follows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__tracebackhide__ = True


class MovableLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers follow the moved time, so that retries and pauses come due."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0.0
        """How many seconds the clock is ahead of the machine's."""

    def time(self) -> float:
        return super().time() + self.moved


class MovableClock:
    """The time, as Slack and the server see it. `time.time()` in a listener is not moved."""

    def __init__(self, loop: MovableLoop, settle: Callable[[], None]) -> None:
        """`settle` runs what has become due to its end."""
        self._loop = loop
        self._settle = settle

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        return time.time() + self._loop.moved

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self(), UTC)

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move the clock forward at once, and run what has become due, such as the retry of a failed event.

        Raises what a listener raises meanwhile.
        """
        by = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days).total_seconds()
        if by <= 0:
            raise ValueError("a clock only advances: pass seconds, minutes, hours or days")
        self._loop.moved += by
        self._settle()
