"""Slack's rate limits: which method of which workspace is to be left alone, until when, and whose turn is next.

Rule: Slack limits each method for each workspace by itself, and says how long
(`Retry-After`, in seconds). Calls that come meanwhile wait instead of being sent,
and go one after another until none waits any more, so that the end of a limit is
not the beginning of the next.
https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

LONGEST_WAIT_SECONDS = 120.0
"""How long one call may wait in all; Slack mostly says 30 s or less. A listener that waits longer is better tried
again as a whole."""

Idle: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Is entered while a call only waits: whoever has a place to lend lends it for so long."""

nobody_idles: Idle = nullcontext


@dataclass(slots=True, eq=False)
class _Limit:
    until: float
    """By the clock of `RateLimits`."""
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Its holder is the one call that may be sent; the others stand in a queue behind it."""
    users: int = 0


class RateLimits:
    """What Slack has limited; on one event loop."""

    def __init__(
        self,
        *,
        longest_wait: float = LONGEST_WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._longest_wait = longest_wait
        self._clock = clock
        self._sleep = sleep
        self._limits: dict[Hashable, _Limit] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable, idle: Idle = nobody_idles) -> AsyncIterator[Turn]:
        """Lend a turn for one call; at once, or behind the others where Slack has limited `key`.

        Raises TimeoutError where it does not come within the longest wait.
        """
        turn = Turn(self._limits, key, idle, self._clock() + self._longest_wait, self._clock, self._sleep)
        try:
            if key in self._limits:
                await turn.come()
            yield turn
        finally:
            turn.end()


class Turn:
    """One call's place among those that wait for the same limit."""

    def __init__(
        self,
        limits: dict[Hashable, _Limit],
        key: Hashable,
        idle: Idle,
        give_up_at: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._limits = limits
        self._key = key
        self._idle = idle
        self._give_up_at = give_up_at
        self._clock = clock
        self._sleep = sleep
        self._limit: _Limit | None = None
        self._is_first = False

    def may_wait(self, seconds: float) -> bool:
        """Whether a wait of so long stays within the longest one."""
        return self._clock() + seconds <= self._give_up_at

    async def wait(self, seconds: float) -> None:
        """Slack has said to wait: nobody calls for so long; returns when it is this call's turn again."""
        limit = self._join()
        limit.until = max(limit.until, self._clock() + seconds)
        await self.come()

    async def pause(self, seconds: float) -> None:
        """Wait for a reason that concerns this call alone."""
        with self._idle():
            await self._sleep(seconds)

    async def come(self) -> None:
        """Return when it is this call's turn and the limit is over; raises TimeoutError."""
        limit = self._join()
        with self._idle():
            if not self._is_first:
                async with asyncio.timeout(max(0.0, self._give_up_at - self._clock())):
                    await limit.turns.acquire()
                self._is_first = True
            while (seconds := limit.until - self._clock()) > 0:
                if not self.may_wait(seconds):
                    raise TimeoutError
                await self._sleep(seconds)

    def end(self) -> None:
        """Let the next one go."""
        limit = self._limit
        if limit is None:
            return
        if self._is_first:
            limit.turns.release()
        limit.users -= 1
        if not limit.users:
            del self._limits[self._key]

    def _join(self) -> _Limit:
        if self._limit is None:
            self._limit = self._limits.setdefault(self._key, _Limit(self._clock()))
            self._limit.users += 1
        return self._limit
