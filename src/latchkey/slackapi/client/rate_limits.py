"""Slack's rate limits: which method of which workspace is limited, until when, and which call is sent next.

Slack limits each method separately for each workspace and says for how long (`Retry-After`, in seconds). Calls made
meanwhile wait instead of being sent. Queued calls are then released one at a time, so that they do not trip the
limit again at once.
https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

MAX_WAIT_SECONDS = 120.0
"""Maximum total wait of one call. Slack usually asks for 30 s or less; after a longer wait it is better to retry the
whole listener."""


class ReleasableSlot(Protocol):
    """A concurrency slot of the caller's."""

    def released(self) -> AbstractContextManager[None]:
        """Return a context manager within which others may use the slot."""


@dataclass(slots=True, eq=False)
class _Limit:
    until: float
    """By the clock of `RateLimits`."""
    next_call: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one call that may be sent; the others wait for it in order."""
    waiters: int = 0


class RateLimits:
    """The limits that Slack has set; for use on one event loop."""

    def __init__(
        self,
        *,
        max_wait: float = MAX_WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._max_wait = max_wait
        self._clock = clock
        self._sleep = sleep
        self._limits: dict[Hashable, _Limit] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no limit is in force for any call."""
        return not self._limits

    @asynccontextmanager
    async def waiter(self, key: Hashable, slot: ReleasableSlot | None = None) -> AsyncIterator[RateLimitWaiter]:
        """Wait until a call of `key` may be sent: at once, or after those that wait for its limit already.

        `slot` is released whenever the call waits. Raises TimeoutError after `max_wait` seconds.
        """
        waiter = RateLimitWaiter(self._limits, key, slot, self._clock() + self._max_wait, self._clock, self._sleep)
        try:
            if key in self._limits:
                await waiter.wait_for_limit()
            yield waiter
        finally:
            waiter.close()


class RateLimitWaiter:
    """One call's place in the queue of a limited key."""

    def __init__(
        self,
        limits: dict[Hashable, _Limit],
        key: Hashable,
        slot: ReleasableSlot | None,
        deadline: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._limits = limits
        self._key = key
        self._slot = slot
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep
        self._limit: _Limit | None = None
        self._is_next = False

    def may_wait(self, seconds: float) -> bool:
        """Whether waiting for `seconds` ends before the call's deadline."""
        return self._clock() + seconds <= self._deadline

    async def report_limit(self, seconds: float) -> None:
        """Hold back all calls of the key for `seconds`, as Slack has asked; return when this call may be sent."""
        limit = self._join()
        limit.until = max(limit.until, self._clock() + seconds)
        await self.wait_for_limit()

    async def wait_for_limit(self) -> None:
        """Return when the limit is over and this call is the next one. Raises TimeoutError at the deadline."""
        await self._wait(self._until_next(self._join()))

    async def pause(self, seconds: float) -> None:
        """Delay only this call."""
        await self._wait(self._sleep(seconds))

    def close(self) -> None:
        """Let the next call be sent."""
        limit = self._limit
        if limit is None:
            return
        if self._is_next:
            limit.next_call.release()
        limit.waiters -= 1
        if not limit.waiters:
            del self._limits[self._key]

    async def _wait(self, until: Awaitable[None]) -> None:
        with nullcontext() if self._slot is None else self._slot.released():
            await until

    async def _until_next(self, limit: _Limit) -> None:
        if not self._is_next:
            async with asyncio.timeout(max(0.0, self._deadline - self._clock())):
                await limit.next_call.acquire()
            self._is_next = True
        while (seconds := limit.until - self._clock()) > 0:
            if not self.may_wait(seconds):
                raise TimeoutError
            await self._sleep(seconds)

    def _join(self) -> _Limit:
        if self._limit is None:
            self._limit = self._limits.setdefault(self._key, _Limit(self._clock()))
            self._limit.waiters += 1
        return self._limit
