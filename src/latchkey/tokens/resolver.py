"""Finds the tokens for a payload, or for a workspace and a person.

Invariant: a token that is returned has not expired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from slack_sdk.oauth.installation_store import Bot

from latchkey.errors import MustReinstall, NotInstalled, TokenUnavailable, UnreadableRecord
from latchkey.slackapi.requests import WorkspaceId
from latchkey.storage import NOT_CACHED, Installations, TokenId, TokenPair, UserToken, WorkspaceKey
from latchkey.tokens.access import Access
from latchkey.tokens.refresher import MARGIN_SECONDS, Refresher

logger = logging.getLogger("latchkey.tokens")


class TokenResolver:
    """Looks tokens up in the store; every event passes through it."""

    def __init__(
        self,
        installations: Installations,
        refresher: Refresher | None,
        *,
        act_as_installer: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without a `refresher`, a token that has expired cannot be used.

        With `act_as_installer`, a workspace without a bot is acted in with its latest installer's token. `clock`
        returns Unix seconds.
        """
        self._installations = installations
        self._refresher = refresher
        self._act_as_installer = act_as_installer
        self._clock = clock

    def cached(self, workspace: WorkspaceId, user_id: str | None, *, with_user: bool) -> Access | None:
        """Return what is cached, without touching the disk; None if `find` must be called.

        `with_user`: also look up the acting person's token if there is a bot.
        """
        access = self._cached_in(workspace, user_id, with_user)
        if access is None or access.is_installed:
            return access
        for candidate in candidates(workspace)[1:]:
            found = self._cached_in(candidate, user_id, with_user)
            if found is None or found.is_installed:
                return found
        return access

    async def find(self, workspace: WorkspaceId, user_id: str | None, *, with_user: bool) -> Access:
        """Return the access to a workspace; if it has no installation of its own, that of its org.

        Tokens that are about to expire are refreshed. Raises MustReinstall or TokenUnavailable if that is impossible
        and they have expired, StoreUnavailable, or UnreadableRecord.
        """
        access = Access(workspace)
        for candidate in candidates(workspace):
            access = await self._find_in(candidate, user_id, with_user)
            if access.is_installed:
                return access
        return access._replace(workspace=workspace)

    async def access_for(self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None) -> Access:
        """Return the access with the bot's token (without a bot: see `client_for`), or with this person's.

        Raises NotInstalled, and what `find` raises.
        """
        workspace = WorkspaceId(enterprise_id, team_id, bool(enterprise_id) and not team_id)
        if user_id is None:
            access = await self.find(workspace, None, with_user=False)
            if access.is_installed:
                return access
        else:
            for candidate in candidates(workspace):
                if (user := await self._find_user(candidate, user_id)) is not None:
                    return Access(candidate, user=user)
        raise NotInstalled(record_ids(workspace), user_id)

    def _cached_in(self, workspace: WorkspaceId, user_id: str | None, with_user: bool) -> Access | None:
        installations = self._installations
        bot = installations.cached_bot(*workspace)
        if bot is NOT_CACHED or (bot is not None and self._is_due(bot.bot_token_expires_at)):
            return None
        user: UserToken | None = None
        installer: UserToken | None = None
        if bot is None and self._act_as_installer:
            found = installations.cached_user_token(*workspace, None)
            if found is NOT_CACHED or (found is not None and self._is_due(found.expires_at)):
                return None
            installer = found
        if user_id is not None and (with_user or (bot is None and installer is None)):
            found = installations.cached_user_token(*workspace, user_id)
            if found is NOT_CACHED or (found is not None and self._is_due(found.expires_at)):
                return None
            user = found
        return Access(workspace, bot, user, installer)

    def _is_due(self, expires_at: int | None) -> bool:
        """Whether a token must be refreshed before it is used."""
        return expires_at is not None and self._clock() + MARGIN_SECONDS >= expires_at

    async def _find_in(self, workspace: WorkspaceId, user_id: str | None, with_user: bool) -> Access:
        if user_id is not None and with_user:
            await self._installations.async_cache_tokens(*workspace, user_id)
        bot = await self._find_bot(workspace)
        use_installer = bot is None and self._act_as_installer
        access = Access(workspace, bot, installer=await self._find_user(workspace, None) if use_installer else None)
        if user_id is None or (access.is_installed and not with_user):
            return access
        try:
            return access._replace(user=await self._find_user(workspace, user_id))
        except (MustReinstall, UnreadableRecord) as error:
            if not access.is_installed:
                raise
            # The listener can do without it, and can ask the person to authorize the app again.
            logger.warning("acting without the person's token: %s", error)
            return access

    async def _find_bot(self, workspace: WorkspaceId) -> Bot | None:
        bot = await self._installations.async_find_bot(
            enterprise_id=workspace.enterprise_id,
            team_id=workspace.team_id,
            is_enterprise_install=workspace.is_enterprise_install,
        )
        if bot is None or not self._is_due(bot.bot_token_expires_at):
            return bot
        pair = await self._fresh(TokenId(WorkspaceKey.of(*workspace)), bot.bot_token, bot.bot_token_expires_at)
        if pair is not None:
            bot.bot_token, bot.bot_token_expires_at = pair.access_token, pair.expires_at
        return bot if pair is not None else None

    async def _find_user(self, workspace: WorkspaceId, user_id: str | None) -> UserToken | None:
        user = await self._installations.async_find_user_token(*workspace, user_id=user_id)
        if user is None or not self._is_due(user.expires_at):
            return user
        pair = await self._fresh(TokenId(WorkspaceKey.of(*workspace), user.user_id), user.token, user.expires_at)
        return None if pair is None else UserToken(user.user_id, pair.access_token, pair.expires_at)

    async def _fresh(self, token_id: TokenId, token: str | None, expires_at: int | None) -> TokenPair | None:
        """Return the token, refreshed if that is possible; None if it has been removed meanwhile."""
        reason = "there is no refresh token for it"
        if self._refresher is not None:
            pair = await self._refresher.fresh_pair(token_id)
        else:
            pair, reason = TokenPair(token or "", None, expires_at), "this program has no client secret"
        if pair is not None and not pair.is_valid_at(self._clock()):
            raise TokenUnavailable(token_id, reason)
        return pair


def candidates(workspace: WorkspaceId) -> list[WorkspaceId]:
    """Return the installations that may be meant, the likeliest first: the workspace's own, then its org's.

    The workspace may have installed the app before it joined the org, which does not change its id
    (docs.slack.dev/reference/events/grid_migration_finished).
    """
    if not workspace.enterprise_id or workspace.is_enterprise_install:
        return [workspace]
    before_the_org = [WorkspaceId(None, workspace.team_id, False)] if workspace.team_id else []
    return [workspace, *before_the_org, workspace._replace(is_enterprise_install=True)]


def record_ids(workspace: WorkspaceId) -> list[str]:
    """Return the ids of the records that were looked up, for the log."""
    return [WorkspaceKey.of(*candidate).record_id for candidate in candidates(workspace)]
