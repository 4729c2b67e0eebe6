"""Requests without a response yet, so that a shutdown can wait for them."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class InFlight:
    """Counts unanswered requests."""

    def __init__(self) -> None:
        self._count = 0
        self._idle: asyncio.Event | None = None  # only while a shutdown waits
        self.stopping = False
        """If true, every response asks its client to close the connection."""

    def begin(self) -> None:
        self._count += 1

    def end(self) -> None:
        self._count -= 1
        if self._idle is not None and not self._count:
            self._idle.set()

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` until every request is answered; returns how many are not."""
        self._idle = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._count:
                    self._idle.clear()
                    await self._idle.wait()
        return self._count
