"""Finds the tokens for a payload, or for a workspace and a person."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from latchkey.errors import NotInstalled, UnreadableRecord
from latchkey.slackapi.requests import WorkspaceId
from latchkey.storage import NOT_CACHED, Installations, UserToken, WorkspaceKey
from latchkey.tokens.access import Access

logger = logging.getLogger("latchkey.tokens")


class TokenResolver:
    """Looks tokens up in the store; every event passes through it."""

    def __init__(self, installations: Installations, *, act_as_installer: bool = False) -> None:
        """With `act_as_installer`, a workspace without a bot is acted in with its latest installer's token."""
        self._installations = installations
        self._act_as_installer = act_as_installer

    def cached(self, workspace: WorkspaceId, user_id: str | None, *, with_user: bool) -> Access | None:
        """Return what is cached, without touching the disk; None if `find` must be called.

        `with_user`: also look up the acting person's token if there is a bot.
        """
        access = self._cached_in(workspace, user_id, with_user)
        if access is None or access.is_installed or workspace.is_enterprise_install or not workspace.enterprise_id:
            return access
        return self._cached_in(workspace._replace(is_enterprise_install=True), user_id, with_user)

    async def find(self, workspace: WorkspaceId, user_id: str | None, *, with_user: bool) -> Access:
        """Return the access to a workspace; if it has no installation of its own, that of its org.

        Raises StoreUnavailable or UnreadableRecord.
        """
        access = Access(workspace)
        for candidate in candidates(workspace):
            access = await self._find_in(candidate, user_id, with_user)
            if access.is_installed:
                return access
        return access._replace(workspace=workspace)

    async def access_for(self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None) -> Access:
        """Return the access with the bot's token (without a bot: see `client_for`), or with this person's.

        Raises NotInstalled, StoreUnavailable or UnreadableRecord.
        """
        workspace = WorkspaceId(enterprise_id, team_id, bool(enterprise_id) and not team_id)
        access = await self.find(workspace, user_id, with_user=user_id is not None)
        if (access.token if user_id is None else access.user_token) is None:
            raise NotInstalled(record_ids(workspace), user_id)
        return access

    def _cached_in(self, workspace: WorkspaceId, user_id: str | None, with_user: bool) -> Access | None:
        installations = self._installations
        bot = installations.cached_bot(*workspace)
        if bot is NOT_CACHED:
            return None
        user: UserToken | None = None
        installer: UserToken | None = None
        if user_id is not None and (with_user or bot is None):
            found = installations.cached_user_token(*workspace, user_id)
            if found is NOT_CACHED:
                return None
            user = found
        if bot is None and self._act_as_installer:
            found = installations.cached_user_token(*workspace, None)
            if found is NOT_CACHED:
                return None
            installer = found
        return Access(workspace, bot, user, installer)

    async def _find_in(self, workspace: WorkspaceId, user_id: str | None, with_user: bool) -> Access:
        bot = await self._installations.async_find_bot(
            enterprise_id=workspace.enterprise_id,
            team_id=workspace.team_id,
            is_enterprise_install=workspace.is_enterprise_install,
        )
        user: UserToken | None = None
        installer: UserToken | None = None
        if user_id is not None and (with_user or bot is None):
            try:
                user = await self._installations.async_find_user_token(*workspace, user_id=user_id)
            except UnreadableRecord as error:
                if bot is None:
                    raise
                logger.warning("acting without the person's token: %s", error)
        if bot is None and self._act_as_installer:
            installer = await self._installations.async_find_user_token(*workspace, user_id=None)
        return Access(workspace, bot, user, installer)


def candidates(workspace: WorkspaceId) -> Iterator[WorkspaceId]:
    """Yield the installations that may be meant, the likeliest first: the workspace's own, then its org's."""
    yield workspace
    if workspace.enterprise_id and not workspace.is_enterprise_install:
        yield workspace._replace(is_enterprise_install=True)


def record_ids(workspace: WorkspaceId) -> list[str]:
    """Return the ids of the records that were looked up, for the log."""
    return [WorkspaceKey.of(*candidate).record_id for candidate in candidates(workspace)]
