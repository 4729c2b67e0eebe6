"""The tokens of all installations, and their refreshes, for the event loop."""

from __future__ import annotations

from collections.abc import Callable

from latchkey.storage.engine import Executor, Presence
from latchkey.storage.installations import TokenId, TokenPair, WorkspaceKey
from latchkey.storage.records import Records
from latchkey.storage.tokens.attempt import Attempt, NotBegun
from latchkey.storage.tokens.blocking_tokens import BlockingTokens


class Tokens(BlockingTokens):
    """Each async method runs its blocking counterpart in a thread, with a timeout."""

    def __init__(
        self, records: Records, presence: Presence, on_change: Callable[[WorkspaceKey], None], executor: Executor
    ) -> None:
        super().__init__(records, presence, on_change)
        self._executor = executor

    async def async_pair(self, token_id: TokenId) -> TokenPair | None:
        return await self._executor.run("token_pair", self.pair, token_id)

    async def async_begin(
        self, token_id: TokenId, pair: TokenPair, now: float, *, early: bool = False
    ) -> Attempt | NotBegun:
        return await self._executor.run("begin_refresh", self.begin, token_id, pair, now, early=early)

    async def async_complete(self, attempt: Attempt, pair: TokenPair) -> bool:
        return await self._executor.run("complete_refresh", self.complete, attempt, pair)

    async def async_fail(self, attempt: Attempt, reason: str, *, retry_at: float) -> None:
        await self._executor.run("fail_refresh", self.fail, attempt, reason, retry_at=retry_at)

    async def async_mark(self, attempt: Attempt, reason: str, *, now: float) -> bool:
        return await self._executor.run("mark_reinstall", self.mark, attempt, reason, now=now)
