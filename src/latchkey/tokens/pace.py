"""The rate of refreshes: even, at most a maximum, halved when Slack limits it, and slowly raised again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

RECOVERY_SECONDS = 300.0
"""How long the rate takes to rise from nothing to its maximum."""
MIN_SHARE = 1 / 64
"""The lowest rate, as a share of the maximum."""


class Pace:
    """Spaces calls out evenly."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`per_second` is the maximum; `clock` is in seconds."""
        self._max = per_second
        self._clock = clock
        self._sleep = sleep
        self.per_second = per_second
        """The present rate."""
        self._rated_at = clock()
        self._next = 0.0
        self._limited_until = 0.0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next call may be made."""
        async with self._turn:
            self._recover(self._clock())
            while (seconds := self._next - self._clock()) > 0:
                await self._sleep(seconds)
            # A rest saves up no calls, so there is no burst after it.
            self._next = self._clock() + 1 / self.per_second

    def limit(self, seconds: float) -> None:
        """Halve the rate, and make no call for `seconds`, because Slack says so."""
        now = self._clock()
        self._recover(now)
        if now >= self._limited_until:  # otherwise this was sent before the rate was halved
            self.per_second = max(self.per_second / 2, self._max * MIN_SHARE)
        self._limited_until = max(self._limited_until, now + seconds)
        self._next = max(self._next, self._limited_until)

    def _recover(self, now: float) -> None:
        since = max(self._rated_at, self._limited_until)
        if now > since:
            self.per_second = min(self._max, self.per_second + self._max * (now - since) / RECOVERY_SECONDS)
        self._rated_at = now
