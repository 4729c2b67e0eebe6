"""slack_sdk's installation store with both interfaces: blocking calls, and async versions for the event loop.

Invariant: an async method runs its blocking counterpart in a thread, with a
timeout; only cached tokens are returned on the loop itself. They are written out,
because slack_sdk gives each its own signature, which mypy then checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy

from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore

from latchkey.storage.engine import Executor
from latchkey.storage.inbox import StoredEvent
from latchkey.storage.installations.blocking_store import BlockingInstallations, InstallationPage
from latchkey.storage.installations.cache import NOT_CACHED, TokenCache, UserToken
from latchkey.storage.records import PAGE, Records


class Installations(BlockingInstallations, AsyncInstallationStore):
    """An `installation_store` for both Bolt's `App` and its `AsyncApp`."""

    def __init__(
        self, records: Records, cache: TokenCache, on_removal: Callable[[], None], *, reads: Executor, writes: Executor
    ) -> None:
        super().__init__(records, cache, on_removal)
        self._reads = reads
        self._writes = writes

    async def async_save(self, installation: Installation) -> None:
        await self._writes.run("save_installation", self.save, installation)

    async def async_save_new(self, installation: Installation, event: StoredEvent | None) -> None:
        await self._writes.run("save_installation", self.save_new, installation, event)

    async def async_save_bot(self, bot: Bot) -> None:
        await self._writes.run("save_bot", self.save_bot, bot)

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        cached = self.cached_bot(enterprise_id, team_id, is_enterprise_install)
        if cached is not NOT_CACHED:
            return copy(cached)
        return await self._reads.run(
            "find_bot",
            self.find_bot,
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        return await self._reads.run(
            "find_installation",
            self.find_installation,
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            is_enterprise_install=is_enterprise_install,
        )

    async def async_find_user_token(
        self,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
        *,
        user_id: str | None,
    ) -> UserToken | None:
        cached = self.cached_user_token(enterprise_id, team_id, is_enterprise_install, user_id)
        if cached is not NOT_CACHED:
            return cached
        return await self._reads.run(
            "find_user_token", self.find_user_token, enterprise_id, team_id, is_enterprise_install, user_id=user_id
        )

    async def async_cache_tokens(
        self, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool, user_id: str
    ) -> None:
        """Read the bot and this person's token in one call of a thread, so that the next look-ups need none.

        Does nothing if one of them is cached. Raises StoreUnavailable, or UnreadableRecord for the bot.
        """
        workspace = (enterprise_id, team_id, is_enterprise_install)
        if self.cached_bot(*workspace) is NOT_CACHED and self.cached_user_token(*workspace, user_id) is NOT_CACHED:
            await self._reads.run("find_tokens", self.cache_tokens, *workspace, user_id)

    async def async_enrich(self, installation: Installation) -> None:
        await self._writes.run("enrich_installation", self.enrich, installation)

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._writes.run("delete_bot", self.delete_bot, enterprise_id=enterprise_id, team_id=team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        await self._writes.run(
            "delete_installation",
            self.delete_installation,
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
        )

    async def async_delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._writes.run("delete_all", self.delete_all, enterprise_id=enterprise_id, team_id=team_id)

    async def async_remove_revoked(
        self,
        enterprise_id: str | None,
        team_id: str | None,
        *,
        is_enterprise_install: bool = False,
        everything: bool = False,
        bot: bool = False,
        user_ids: Sequence[str] = (),
        event_time: float | None = None,
    ) -> int:
        return await self._writes.run(
            "remove_revoked",
            self.remove_revoked,
            enterprise_id,
            team_id,
            is_enterprise_install=is_enterprise_install,
            everything=everything,
            bot=bot,
            user_ids=user_ids,
            event_time=event_time,
        )

    async def async_remove_teams(
        self, enterprise_id: str | None, team_ids: Sequence[str], *, event_time: float | None = None
    ) -> int:
        return await self._writes.run(
            "remove_revoked", self.remove_teams, enterprise_id, team_ids, event_time=event_time
        )

    async def async_own_installations(self, enterprise_id: str, team_ids: Iterable[str]) -> set[str]:
        return await self._reads.run("own_installations", self.own_installations, enterprise_id, team_ids)

    async def async_page(self, *, after: str = "", limit: int = PAGE) -> InstallationPage:
        return await self._reads.run("page", self.page, after=after, limit=limit)
