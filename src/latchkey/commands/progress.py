"""How far long work has come, on stderr: one line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from latchkey.commands.output import duration, say

TERMINAL_SECONDS = 0.2
OTHER_SECONDS = 10.0
_TO_LINE_START, _TO_LINE_END = "\r", "\x1b[K"


class Progress:
    """Called with what is being done, how many of it are done, and how many there are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._on_terminal = sys.stderr.isatty()
        self._every = TERMINAL_SECONDS if self._on_terminal else OTHER_SECONDS
        self._what = ""
        self._begun = self._next = 0.0
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        if what != self._what:
            self._what, self._begun, self._next = what, now, now + self._every
        if now < self._next:
            return
        self._next = now + self._every
        rate = done / (now - self._begun)
        left = f", {duration((total - done) / rate)} left" if rate else ""
        line = f"{what}: {done:,} of {total:,}, {rate:,.0f} a second{left}"
        if self._on_terminal:
            sys.stderr.write(_TO_LINE_START + line + _TO_LINE_END)
            sys.stderr.flush()
            self._shown = True
        else:
            say(line)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._shown:
            sys.stderr.write(_TO_LINE_START + _TO_LINE_END)
            sys.stderr.flush()
            self._shown = False
