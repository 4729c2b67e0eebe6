"""Refreshes tokens: each at most once at a time, across all callers and processes.

Invariant: a refresh token works once. So the attempt is stored before the refresh token is sent, and nobody uses a new
pair before it is stored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from latchkey.errors import (
    MustReinstall,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
    StoreError,
    StoreUnavailable,
    TokenUnavailable,
)
from latchkey.slackapi.token_calls import FINAL_ERRORS, IssuedTokens, TokenCalls
from latchkey.storage import Attempt, TokenId, TokenPair, Tokens, Wait
from latchkey.tokens.outcomes import MAX_RETRY_SECONDS, Outcome, Refreshed, RefreshObserver, ignore_refresh, retry_delay

MARGIN_SECONDS = 300.0
"""A caller's token is refreshed if it expires sooner; the sweep refreshes tokens long before."""
WAIT_SECONDS = 25.0
"""The longest time that a caller waits for the refresh of a token that has expired."""
VALID_WAIT_SECONDS = 1.0
"""The same for a token that has not expired: it is used after this time, and the refresh goes on."""
POLL_SECONDS = 0.2
"""How often to look whether another process has refreshed a token."""
RESEND_DELAY_SECONDS = 1.0
"""Delay before a refresh token whose response was lost is sent once more. Slack accepts it for a short time."""
COMMIT_ATTEMPTS = 10
"""Attempts to store a new pair, a second apart, while the store does not respond."""

logger = logging.getLogger("latchkey.tokens")


class Refresher:
    """Refreshes the tokens of one store; there is one for each open store."""

    def __init__(
        self,
        tokens: Tokens,
        calls: TokenCalls,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        on_refresh: RefreshObserver = ignore_refresh,
    ) -> None:
        """`clock` returns Unix seconds; `on_refresh` is called after each attempt."""
        self._tokens = tokens
        self._calls = calls
        self._clock = clock
        self._sleep = sleep
        self._on_refresh = on_refresh
        self._running: dict[TokenId, asyncio.Task[Refreshed]] = {}

    async def fresh(self, token_id: TokenId) -> str | None:
        """Return an access token that has not expired; None if there is no such token.

        Raises MustReinstall if Slack refuses to refresh it for good, TokenUnavailable if it cannot be refreshed now,
        and StoreUnavailable or UnreadableRecord.
        """
        pair = await self.fresh_pair(token_id)
        return pair.access_token if pair else None

    async def fresh_pair(self, token_id: TokenId) -> TokenPair | None:
        """Return the same token with its expiry, for a caller that keeps it; raises the same."""
        pair = await self._tokens.async_pair(token_id)
        if pair is None or pair.refresh_token is None or pair.is_valid_at(self._clock() + MARGIN_SECONDS):
            return pair
        is_valid = pair.is_valid_at(self._clock())
        try:
            async with asyncio.timeout(VALID_WAIT_SECONDS if is_valid else WAIT_SECONDS):
                refreshed = await self.refresh(token_id)
        except TimeoutError:
            refreshed = Refreshed(Outcome.FAILED, pair, "timed out")
        except StoreError as error:
            if not is_valid:
                raise
            logger.warning("could not refresh %s: %s", token_id, error)
            return pair
        if refreshed.pair is None or refreshed.pair.is_valid_at(self._clock()):
            return refreshed.pair
        if refreshed.outcome is Outcome.MUST_REINSTALL:
            raise MustReinstall(token_id, refreshed.reason)
        raise TokenUnavailable(token_id, refreshed.reason)

    async def refresh(self, token_id: TokenId, *, margin: float = MARGIN_SECONDS) -> Refreshed:
        """Refresh a token that expires within `margin` seconds, or wait for the refresh that is running.

        If the caller is cancelled, the refresh still runs to its end.
        """
        task = self._running.get(token_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._refresh(token_id, margin))
            self._running[token_id] = task
            task.add_done_callback(partial(self._forget, token_id))
        return await asyncio.shield(task)

    def is_refreshing(self, token_id: TokenId) -> bool:
        """Whether a refresh of this token is running in this process."""
        return token_id in self._running

    async def drain(self, seconds: float) -> int:
        """Wait for running refreshes, for at most `seconds`; returns how many are unfinished."""
        tasks = list(self._running.values())
        if not tasks:
            return 0
        _, unfinished = await asyncio.wait(tasks, timeout=seconds)
        return len(unfinished)

    def _forget(self, token_id: TokenId, task: asyncio.Task[Refreshed]) -> None:
        del self._running[token_id]
        if not task.cancelled():
            task.exception()  # so that asyncio does not report an error whose caller has gone

    async def _refresh(self, token_id: TokenId, margin: float) -> Refreshed:
        """Refresh the token, or wait until another process has."""
        while True:
            pair = await self._tokens.async_pair(token_id)
            now = self._clock()
            if pair is None or pair.refresh_token is None or pair.is_valid_at(now + margin):
                return Refreshed(Outcome.UNCHANGED, pair)
            expired = not pair.is_valid_at(now)
            begun = await self._tokens.async_begin(token_id, pair, now, early=expired)
            if isinstance(begun, Attempt):
                return await self._send(begun, pair.refresh_token)
            if begun.wait is Wait.MUST_REINSTALL:
                return Refreshed(Outcome.MUST_REINSTALL, pair, begun.state.reason)
            if begun.wait is Wait.LATER:
                return Refreshed(Outcome.FAILED, pair, begun.state.reason)
            if begun.wait is Wait.LEASED:
                await self._sleep(POLL_SECONDS)

    async def _send(self, attempt: Attempt, refresh_token: str) -> Refreshed:
        """Send the refresh token of a stored attempt, and end the attempt."""
        try:
            issued = await self._issued(refresh_token)
        except SlackRefused as error:
            refreshed = await self._refused(attempt, error.reason)
        except SlackUnavailable as error:
            refreshed = await self._failed(attempt, error)
        else:
            refreshed = await self._store(attempt, issued)
        self._on_refresh(attempt.token_id, refreshed)
        return refreshed

    async def _issued(self, refresh_token: str) -> IssuedTokens:
        try:
            return await self._calls.refresh(refresh_token)
        except SlackRateLimited:
            raise
        except SlackUnavailable:
            # Slack may have issued a pair whose response was lost. Within the grace period it issues one again.
            await self._sleep(RESEND_DELAY_SECONDS)
            return await self._calls.refresh(refresh_token)

    async def _store(self, attempt: Attempt, issued: IssuedTokens) -> Refreshed:
        new = TokenPair(issued.access_token, issued.refresh_token, int(self._clock()) + issued.expires_in)
        for remaining in reversed(range(COMMIT_ATTEMPTS)):
            try:
                stored = await self._tokens.async_complete(attempt, new)
                break
            except StoreUnavailable as error:
                if not remaining:
                    raise
                logger.error("cannot store a new token, trying again: %s", error)  # noqa: TRY400
                await self._sleep(1.0)
        if stored:
            return Refreshed(Outcome.REFRESHED, new)
        # The app was installed again, or removed, meanwhile.
        return Refreshed(Outcome.UNCHANGED, await self._tokens.async_pair(attempt.token_id))

    async def _refused(self, attempt: Attempt, reason: str) -> Refreshed:
        if reason not in FINAL_ERRORS:
            return await self._failed(attempt, SlackRefused("oauth.v2.access", reason))
        if await self._tokens.async_mark(attempt, reason, now=self._clock()):
            logger.error(
                "Slack refuses to refresh %s (%s): the app must be reinstalled there, at /slack/install",
                attempt.token_id,
                reason,
            )
            return Refreshed(Outcome.MUST_REINSTALL, attempt.pair, reason)
        return Refreshed(Outcome.UNCHANGED, await self._tokens.async_pair(attempt.token_id))

    async def _failed(self, attempt: Attempt, error: SlackRefused | SlackUnavailable) -> Refreshed:
        now = self._clock()
        limit = min(error.seconds, MAX_RETRY_SECONDS) if isinstance(error, SlackRateLimited) else None
        delay = retry_delay(attempt.state.failures) if limit is None else limit
        await self._tokens.async_fail(attempt, error.reason, retry_at=now + delay, is_limited=limit is not None)
        outcome = Outcome.FAILED if limit is None else Outcome.RATE_LIMITED
        logger.warning("could not refresh %s, trying again in %g s: %s", attempt.token_id, delay, error.reason)
        return Refreshed(outcome, await self._tokens.async_pair(attempt.token_id), error.reason, limit or 0.0)
