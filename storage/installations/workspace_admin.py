"""The operator's view of the workspaces that have the app, and the removal of one.

Invariant: a workspace is shown whole, its bot and all its installers, even if
some of its records cannot be decrypted. A removal deletes nothing that was
installed later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import UnreadableRecord
from latchkey.storage.installations.installation_codec import bot_from, installation_from
from latchkey.storage.installations.removal import Removal, changes_for, commit_with_retry
from latchkey.storage.installations.token_id import TokenId
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, REFRESHES, WORKSPACES

_WITH_INSTALLERS, _BOT_ONLY = "i", "b"
"""The first character of a cursor: workspaces with installers are listed first, then those with only a bot."""
_LAST = "\U0010ffff"
"""Sorts after every user id."""


@dataclass
class InstalledWorkspace:
    """A workspace that has the app, or an org if `team_id` is empty."""

    enterprise_id: str
    team_id: str
    cursor: str
    """Pass this to `all` to continue after this workspace."""
    bot: Bot | None = None
    installers: list[Installation] = field(default_factory=list)
    """Each without the bot's fields."""
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    must_reinstall: list[TokenId] = field(default_factory=list)
    """The tokens that Slack refuses to refresh."""

    @property
    def key(self) -> WorkspaceKey:
        return WorkspaceKey(self.enterprise_id, self.team_id)

    @property
    def name(self) -> str | None:
        """The workspace's or the org's name, if Slack sent one."""
        for item in [self.bot, *self.installers]:
            found = (item.team_name if self.team_id else item.enterprise_name) if item else None
            if found:
                return str(found)
        return None

    def missing_scopes(self, scopes: Sequence[str]) -> list[str]:
        """Return those of these scopes that the bot has not been granted; none if there is no bot."""
        granted = self.bot.bot_scopes or () if self.bot else scopes
        return [scope for scope in scopes if scope not in granted]

    def missing_user_scopes(self, scopes: Sequence[str]) -> list[str]:
        """Return those of these scopes that at least one of the users' tokens has not been granted."""
        tokens = [installer.user_scopes or () for installer in self.installers if installer.user_token]
        return [scope for scope in scopes if any(scope not in granted for granted in tokens)]


class WorkspaceAdmin:
    """Blocking calls for commands; each raises StoreUnavailable if the store does not answer."""

    def __init__(self, records: Records, on_removal: Callable[[], None]) -> None:
        """`on_removal` is called when records have been deleted."""
        self._records = records
        self._on_removal = on_removal

    def all(self, after: str = "") -> Iterator[InstalledWorkspace]:
        """Yield all workspaces, or those after the cursor `after`; raises ValueError if it is not a cursor."""
        if after and after[0] not in (_WITH_INSTALLERS, _BOT_ONLY):
            raise ValueError(after)
        if not after.startswith(_BOT_ONLY):
            yield from self._with_installers(after[1:])
        yield from self._with_bot_only(after[1:] if after.startswith(_BOT_ONLY) else "")

    def count(self) -> int:
        """Return about how many workspaces there are; it decrypts none of their records."""
        return max(self._records.engine.count(BOTS), self._records.engine.count(WORKSPACES))

    def find(self, enterprise_id: str | None, team_id: str | None) -> list[InstalledWorkspace]:
        """Return the workspaces with this team id, or the org-wide installations if it is None.

        `enterprise_id` None matches every org.
        """
        return [
            workspace
            for workspace in self.all()
            if workspace.team_id == (team_id or "") and enterprise_id in (None, workspace.enterprise_id)
        ]

    def remove(self, workspace: InstalledWorkspace, *, installed_until: float) -> int:
        """Delete everything of this workspace installed until then (Unix seconds); returns the number of records.

        If a record cannot be decrypted, its age is unknown, and everything is deleted.
        """
        limit = None if workspace.unreadable else installed_until
        removal = Removal(bot=True, all_users=True, not_after=limit)
        count = commit_with_retry(lambda: changes_for(self._records, workspace.key, removal), self._records.commit)
        self._on_removal()
        return count

    def _with_installers(self, after: str) -> Iterator[InstalledWorkspace]:
        start = f"{after}/{_LAST}" if after else ""
        for record_id, group in groupby(self._from(INSTALLATIONS, start), lambda found: _workspace_id(found.record_id)):
            workspace = self._workspace(record_id, _WITH_INSTALLERS)
            for found in group:
                if isinstance(found, Stored):
                    workspace.installers.append(installation_from(found.value, None))
                else:
                    workspace.unreadable.append(found)
            yield workspace

    def _with_bot_only(self, after: str) -> Iterator[InstalledWorkspace]:
        for found in self._from(BOTS, after):
            if not self._records.page(INSTALLATIONS, prefix=f"{found.record_id}/", limit=1):
                yield self._workspace(found.record_id, _BOT_ONLY)

    def _workspace(self, record_id: str, kind: str) -> InstalledWorkspace:
        enterprise_id, team_id, _ = ids_in(record_id)
        workspace = InstalledWorkspace(enterprise_id, team_id, kind + record_id)
        workspace.must_reinstall = list(self._refused(workspace.key))
        try:
            stored = self._records.read(BOTS, record_id)
            workspace.bot = bot_from(stored.value) if stored else None
        except UnreadableRecord as error:
            workspace.unreadable.append(error)
        return workspace

    def _refused(self, key: WorkspaceKey) -> Iterator[TokenId]:
        """Yield the workspace's tokens that Slack refuses to refresh, the bot's first."""
        for token_id in (TokenId(key), TokenId(key, "")):
            for found in self._records.all(REFRESHES, prefix=token_id.record_id):
                named = TokenId.parse(found.record_id)
                if named.key == key and isinstance(found, Stored) and found.value["reinstall_since"] is not None:
                    yield named

    def _from(self, table: str, after: str) -> Iterator[Stored | UnreadableRecord]:
        while page := self._records.page(table, after=after):
            yield from page
            after = page[-1].record_id


def _workspace_id(record_id: str) -> str:
    return record_id.rpartition("/")[0]
