"""How far long work has come: one line on a terminal that is written over, elsewhere a line now and then.

Rule: on stderr, and not at all where the work is done before anybody wonders.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from latchkey.commands.output import duration

FIRST_SECONDS = 1.0
"""What takes less is not worth a line."""
ON_TERMINAL_SECONDS = 0.2
ELSEWHERE_SECONDS = 10.0


@contextmanager
def meter(what: str) -> Iterator[Callable[[int, int], None]]:
    """Lend a function that is told how many of how many are done; `what` names them, such as "records checked"."""
    terminal = sys.stderr.isatty()
    begun = due = 0.0
    drawn = False

    def show(done: int, total: int) -> None:
        nonlocal begun, due, drawn
        now = time.monotonic()
        if not begun:
            begun, due = now, now + FIRST_SECONDS
        if now < due or done >= total:
            return
        rate = done / (now - begun)
        left = f", {duration((total - done) / rate)} left" if rate else ""
        line = f"{done:,} of {total:,} {what}, {rate:,.0f} a second{left}"
        sys.stderr.write(f"\r{line}\x1b[K" if terminal else f"{line}\n")
        sys.stderr.flush()
        due, drawn = now + (ON_TERMINAL_SECONDS if terminal else ELSEWHERE_SECONDS), True

    try:
        yield show
    finally:
        if drawn and terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
