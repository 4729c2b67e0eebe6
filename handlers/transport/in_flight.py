"""Requests without a response yet, so that a shutdown can wait for them."""

from __future__ import annotations

import asyncio


class InFlight:
    """Counts unanswered requests."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False
        """If true, every response asks its client to close the connection."""

    def begin(self) -> None:
        self._count += 1
        self._idle.clear()

    def end(self) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def wait(self, seconds: float) -> int:
        """Wait up to `seconds` until every request is answered; returns how many are not."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            pass
        return self._count
