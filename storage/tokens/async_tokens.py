"""The tokens of all installations, and their refreshes, for the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from latchkey.storage.engine import Executor, Presence
from latchkey.storage.installations import TokenId, TokenPair, WorkspaceKey
from latchkey.storage.records import Records
from latchkey.storage.tokens.attempt import Attempt, NotBegun, RefreshState
from latchkey.storage.tokens.blocking_tokens import BlockingTokens
from latchkey.storage.tokens.expiries import INDEXED, BlockingExpiries, Expiry


class Tokens(BlockingTokens, BlockingExpiries):
    """Each async method runs its blocking counterpart in a thread, with a timeout."""

    def __init__(
        self, records: Records, presence: Presence, on_change: Callable[[WorkspaceKey], None], executor: Executor
    ) -> None:
        BlockingTokens.__init__(self, records, presence, on_change)
        self._executor = executor

    async def async_pair(self, token_id: TokenId) -> TokenPair | None:
        return await self._executor.run("token_pair", self.pair, token_id)

    async def async_begin(
        self, token_id: TokenId, pair: TokenPair, now: float, *, early: bool = False
    ) -> Attempt | NotBegun:
        return await self._executor.run("begin_refresh", self.begin, token_id, pair, now, early=early)

    async def async_complete(self, attempt: Attempt, pair: TokenPair) -> bool:
        return await self._executor.run("complete_refresh", self.complete, attempt, pair)

    async def async_fail(self, attempt: Attempt, reason: str, *, retry_at: float, is_limited: bool) -> None:
        await self._executor.run("fail_refresh", self.fail, attempt, reason, retry_at=retry_at, is_limited=is_limited)

    async def async_mark(self, attempt: Attempt, reason: str, *, now: float) -> bool:
        return await self._executor.run("mark_reinstall", self.mark, attempt, reason, now=now)

    async def async_remove_abandoned(self, token_id: TokenId, now: float) -> None:
        await self._executor.run("remove_attempt", self.remove_abandoned, token_id, now)

    async def async_due(self, until: float, *, after: str = "") -> list[Expiry]:
        return await self._executor.run("due_tokens", self.due, until, after=after)

    async def async_remove_if_outdated(self, row: Expiry) -> None:
        await self._executor.run("remove_expiry", self.remove_if_outdated, row)

    async def async_states(self) -> AsyncIterator[tuple[TokenId, RefreshState]]:
        """Yield all tokens that `states` returns, a page at a time."""
        after = ""
        while page := await self._executor.run("refresh_states", self.states, after=after):
            for found in page:
                yield found
            after = page[-1][0].record_id

    async def async_build(self) -> None:
        """Build the index of what expires if it is missing; each page is a call of its own."""
        if await self._executor.run("index_expiries", self.is_built):
            return
        for table in INDEXED:
            after: str | None = ""
            while after is not None:
                after = await self._executor.run("index_expiries", self.build_page, table, after)
        await self._executor.run("index_expiries", self.finish_build)
