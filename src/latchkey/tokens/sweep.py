"""Refreshes tokens in the background before they expire, whether or not their workspace is active.

Invariant: memory does not grow with the number of tokens. The index of what expires is read a page at a time, and a
limited number of refreshes run at once, evenly spaced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from latchkey.errors import StoreError
from latchkey.metrics import Metrics
from latchkey.storage import Expiry, TokenId, Tokens
from latchkey.tokens.outcomes import Outcome, Refreshed
from latchkey.tokens.pace import Pace
from latchkey.tokens.refresher import Refresher

AHEAD_SECONDS = 7200.0
"""How long before it expires a token is refreshed."""
PASS_SECONDS = 30.0
"""Pause between two passes through what expires."""
MAX_PASS_SECONDS = 1800.0
"""A longer pass ends, so that the soonest to expire come first again, among them those whose refresh has failed."""
FOLLOW_SECONDS = 10.0
"""Pause between two looks for attempts that were cut off."""
MAX_CONCURRENT = 20
"""Refreshes that run at once."""
DRAIN_SECONDS = 1.0
"""How long a stop waits for running refreshes. The next start repeats the ones that are cut off."""

logger = logging.getLogger("latchkey.tokens")


class Sweep:
    """Goes through the tokens that expire within AHEAD_SECONDS, soonest first, again and again."""

    def __init__(
        self,
        tokens: Tokens,
        refresher: Refresher,
        pace: Pace,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`clock` returns Unix seconds."""
        self._tokens = tokens
        self._refresher = refresher
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._running: set[asyncio.Task[None]] = set()
        self._must_reinstall = 0
        self._soonest: float | None = None
        metrics.watch(
            "tokens_must_reinstall",
            "Tokens that Slack refuses to refresh, until the app is reinstalled",
            lambda: self._must_reinstall,
        )
        metrics.watch("token_refresh_limit", "Most refreshes of tokens per second now", lambda: pace.per_second)
        metrics.watch_each(
            "token_expiry_seconds", "Seconds until the next token expires", "token", self._seconds_to_expiry
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep until the block ends; then, running refreshes get DRAIN_SECONDS to end."""
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._make_passes()), loop.create_task(self._follow_attempts())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            unfinished = await self._refresher.drain(DRAIN_SECONDS)
            if unfinished:
                logger.warning("%d refreshes of tokens are unfinished; the next start repeats them", unfinished)

    async def make_pass(self) -> None:
        """Refresh the tokens that expire within AHEAD_SECONDS, each once, for at most MAX_PASS_SECONDS."""
        await self._tokens.async_build()
        async for row in self._due():
            await self._start(row.token_id, row)
        if self._running:
            await asyncio.wait(self._running)

    async def _due(self) -> AsyncIterator[Expiry]:
        """Yield what is due, soonest first, a page at a time, until the pass must end."""
        end, after = self._clock() + MAX_PASS_SECONDS, ""
        while rows := await self._tokens.async_due(self._clock() + AHEAD_SECONDS, after=after):
            for row in rows:
                if self._clock() >= end:
                    return
                yield row
            after = rows[-1].row_id

    async def follow_attempts(self) -> None:
        """Look when the next token expires, count those that must be reinstalled, and repeat what a crash cut off.

        This process may have crashed before its start, and any other at any time. Slack accepts the refresh token
        again for a short time.
        """
        rows = await self._tokens.async_due(float("inf"))
        self._soonest = rows[0].expires_at if rows else None
        marks = 0
        async for token_id, state in self._tokens.async_states():
            marks += state.reinstall_since is not None
            if state.owner is not None and not self._refresher.is_refreshing(token_id):
                await self._start(token_id)
        self._must_reinstall = marks

    async def _make_passes(self) -> None:
        while True:
            await self._guarded(self.make_pass)
            await self._sleep(PASS_SECONDS)

    async def _follow_attempts(self) -> None:
        while True:
            started = time.monotonic()
            await self._guarded(self.follow_attempts)
            # At most a fiftieth of the time is spent on it, even if very many tokens must be reinstalled.
            await self._sleep(max(FOLLOW_SECONDS, 50 * (time.monotonic() - started)))

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """Log what fails; it is tried again after the pause."""
        try:
            await step()
        except StoreError as error:
            logger.warning("cannot look for tokens that expire: %s", error)
        except Exception:  # without the sweep, every token would be lost in the end
            logger.exception("cannot look for tokens that expire")

    async def _start(self, token_id: TokenId, row: Expiry | None = None) -> None:
        """Start a refresh as soon as the pace and the number of running ones allow it."""
        await self._slots.acquire()
        try:
            await self._pace.wait()
        except BaseException:
            self._slots.release()
            raise
        task = asyncio.get_running_loop().create_task(self._refresh(token_id, row))
        self._running.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._slots.release()
        self._running.discard(task)

    async def _refresh(self, token_id: TokenId, row: Expiry | None) -> None:
        try:
            refreshed = await self._refresher.refresh(token_id, margin=AHEAD_SECONDS)
            if refreshed.outcome is Outcome.UNCHANGED:
                await self._tidy(token_id, row)
        except StoreError as error:
            logger.warning("cannot refresh %s: %s", token_id, error)
        else:
            if refreshed.outcome is Outcome.RATE_LIMITED:
                self._pace.limit(refreshed.retry_after)

    async def _tidy(self, token_id: TokenId, row: Expiry | None) -> None:
        """Delete the row of the index, or the attempt, that has led to a token without anything to refresh."""
        if row is None:
            await self._tokens.async_remove_abandoned(token_id, self._clock())
        else:
            await self._tokens.async_remove_if_outdated(row)

    def _seconds_to_expiry(self) -> dict[str, float]:
        return {} if self._soonest is None else {"next": self._soonest - self._clock()}


def count_refresh(metrics: Metrics, _token_id: TokenId, refreshed: Refreshed) -> None:
    """Count an attempt; pass it to a `Refresher` with its metrics bound."""
    if refreshed.outcome is not Outcome.UNCHANGED:
        metrics.token_refreshes[refreshed.outcome].inc()
