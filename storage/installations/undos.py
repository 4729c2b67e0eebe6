"""Refused installations that still have to be undone at Slack, with the tokens that this needs.

Invariant: such a token is in this table only, never among the installations, and is deleted when the undo ends.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Executor
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import Records
from latchkey.storage.tables import BOTS, INSTALLATIONS, UNDOS

logger = logging.getLogger("latchkey.storage")


@dataclass
class Undo:
    """A refused installation that must be undone at Slack."""

    enterprise_id: str
    team_id: str
    """Empty if the app was installed for the whole org."""
    user_id: str
    bot_token: str | None = field(repr=False)
    user_token: str | None = field(repr=False)
    bot_refresh_token: str | None = field(repr=False)
    user_refresh_token: str | None = field(repr=False)
    refused_at: float
    """Unix seconds."""
    needs_admin: bool = False
    """Slack has refused to uninstall the app; what is left to do is to revoke the tokens."""
    undo_id: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, installation: Installation, refused_at: float) -> Undo:
        """Return the undo of an installation that has not been saved."""
        key = WorkspaceKey.of(installation.enterprise_id, installation.team_id, installation.is_enterprise_install)
        return cls(
            key.enterprise_id,
            key.team_id,
            installation.user_id,
            installation.bot_token,
            installation.user_token,
            installation.bot_refresh_token,
            installation.user_refresh_token,
            refused_at,
        )

    @property
    def tokens(self) -> list[str]:
        """Every token that was received, an access token first."""
        tokens = (self.bot_token, self.user_token, self.bot_refresh_token, self.user_refresh_token)
        return [token for token in tokens if token]

    @property
    def workspace(self) -> str:
        """The id of the workspace or the org, for a log line."""
        return self.team_id or self.enterprise_id


class Undos:
    """Each call raises StoreUnavailable if the store does not answer."""

    def __init__(self, records: Records, on_removal: Callable[[], None], *, reads: Executor, writes: Executor) -> None:
        """`on_removal` is called when a record has been deleted."""
        self._records = records
        self._on_removal = on_removal
        self._reads = reads
        self._writes = writes

    async def async_put(self, undo: Undo) -> None:
        """Store an undo, or its change."""
        await self._writes.run("put_undo", self._put, undo)

    async def async_delete(self, undo: Undo) -> None:
        await self._writes.run("delete_undo", self._delete, undo)

    async def async_all(self) -> list[Undo]:
        """Return all stored undos; one that cannot be decrypted is logged and kept."""
        return await self._reads.run("list_undos", self._all)

    async def async_is_installed(self, undo: Undo) -> bool:
        """Return whether uninstalling the app there would end an installation that is stored.

        That is one of the same workspace, of its org, or, if the org's was refused, of any of the org's workspaces.
        """
        return await self._reads.run("find_installations_of_undo", self._is_installed, undo)

    async def async_unused(self, undo: Undo) -> list[str]:
        """Return those of the undo's tokens that no stored installation has.

        Slack gives a workspace or a person that installs again the same token, unless token rotation is on. Raises
        UnreadableRecord if that cannot be found out.
        """
        return await self._reads.run("find_tokens_of_undo", self._unused, undo)

    def _put(self, undo: Undo) -> None:
        self._records.commit([self._records.put(UNDOS, undo.undo_id, asdict(undo))])

    def _delete(self, undo: Undo) -> None:
        self._records.commit([self._records.discard(UNDOS, undo.undo_id)])
        self._on_removal()

    def _all(self) -> list[Undo]:
        found = []
        for record in self._records.all(UNDOS):
            if isinstance(record, UnreadableRecord):
                logger.error("a refused installation cannot be undone: %s", record)
            else:
                found.append(Undo(**record.value))
        return found

    def _is_installed(self, undo: Undo) -> bool:
        # Ids are compared, because a record that cannot be decrypted is an installation too.
        ids = (ids_in(record_id) for table in (BOTS, INSTALLATIONS) for record_id in self._records.ids(table))
        return any(_is_ended_by(undo, enterprise_id, team_id) for enterprise_id, team_id, _ in ids)

    def _unused(self, undo: Undo) -> list[str]:
        stored: set[str | None] = set()
        for enterprise_id in {undo.enterprise_id, ""}:  # a workspace may have joined an org since
            key = WorkspaceKey(enterprise_id, undo.team_id)
            bot = self._records.read(BOTS, key.record_id)
            installer = self._records.read(INSTALLATIONS, key.user_record_id(undo.user_id))
            stored |= {bot.value[name] for name in ("bot_token", "bot_refresh_token")} if bot else set()
            stored |= {installer.value[name] for name in ("user_token", "user_refresh_token")} if installer else set()
        return [token for token in undo.tokens if token not in stored]


def _is_ended_by(undo: Undo, enterprise_id: str, team_id: str) -> bool:
    if undo.team_id and team_id == undo.team_id:
        return True  # Slack's team ids are unique, with or without an org
    return bool(undo.enterprise_id) and enterprise_id == undo.enterprise_id and not (undo.team_id and team_id)
