"""Numbered changes of the simulated Slack, for the pages that show it.

Invariant: a reader that is slow, or reconnects, gets every change after the last one it has seen, or learns that it
has missed some. Memory is bounded for any number of readers.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from typing import Any, NamedTuple

MAX_CHANGES = 2000
"""How many changes are kept for readers that are behind."""


class Change(NamedTuple):
    number: int
    kind: str
    data: str
    """JSON, made when the change happened."""


class Changes:
    """The latest changes. Nothing is kept until there is a reader."""

    def __init__(self) -> None:
        self.last = 0
        """The number of the latest change."""
        self.start = secrets.token_hex(4)
        """Differs after a restart, when the numbers begin again."""
        self.is_read = False
        self._kept: deque[Change] = deque(maxlen=MAX_CHANGES)
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, kind: str, document: dict[str, Any]) -> None:
        """Number a change, keep it, and wake the readers."""
        self.last += 1
        if not self.is_read:
            return
        self._kept.append(Change(self.last, kind, json.dumps(document)))
        self.wake()

    def after(self, number: int) -> list[Change] | None:
        """Return the changes after this number; None if some of them are no longer kept, or never happened here."""
        self.is_read = True
        missing = self.last - number
        if missing < 0 or missing > len(self._kept):
            return None
        return list(self._kept)[len(self._kept) - missing :]

    async def wait(self, number: int, seconds: float) -> bool:
        """Return once there is a change after this number, or the readers are woken; False after this time."""
        if self.last > number:
            return True
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        await asyncio.wait([waiting], timeout=seconds)
        self._waiting.discard(waiting)
        return waiting.done()

    def wake(self) -> None:
        """Let all waiting readers go on."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
