"""Shows the progress of long operations on stderr: a bar on a terminal, otherwise a line every ten seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from latchkey.commands.terminal.output import duration, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from latchkey.storage import ProgressCallback

BAR_DELAY_SECONDS = 1.0
"""Operations that take less show no bar."""
LINE_SECONDS = 10.0


@contextmanager
def show_progress(clock: Callable[[], float] = time.monotonic) -> Iterator[ProgressCallback]:
    """Yield a callback that shows what it is called with; the bar disappears at the end."""
    # A dumb terminal cannot erase a bar.
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _Bars(clock) as bars:
            yield bars
    else:
        yield _Lines(clock)


class _Lines:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._what = ""
        self._started = self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        if what != self._what:
            self._what, self._started, self._next = what, now, now + LINE_SECONDS
        if now < self._next:
            return
        self._next = now + LINE_SECONDS
        rate = done / (now - self._started)
        left = f", {duration((total - done) / rate)} left" if rate else ""
        say(f"{what}: {done:,} of {total:,}, {rate:,.0f} per second{left}")


class _Bars:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started: float | None = None
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        if self._started is None:
            self._started = now
        if now < self._started + BAR_DELAY_SECONDS:
            return
        if self._bars is None:
            self._bars = _start_bars()
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)


def _start_bars() -> Progress:
    from rich.console import Console  # imported only on a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=Console(stderr=True), transient=True)
    bars.start()
    return bars
