"""The workspaces that have the app, as the administrator sees them and removes one.

Rule: a workspace is told as a whole, its bot and all who have installed it, also
where a part of it cannot be opened. Only what was read is removed: an install
that comes between stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.installations.installation_codec import bot_from, installation_from
from latchkey.storage.installations.removal import Removal, changes_for
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS

ATTEMPTS = 20
_INSTALLERS, _BOTS_ALONE = "i", "b"
_BEHIND_ALL = "\U0010ffff"


@dataclass
class InstalledWorkspace:
    """One workspace, or an org where `team_id` is empty."""

    enterprise_id: str
    team_id: str
    place: str
    """Hand this to `all` to go on behind it."""
    bot: Bot | None = None
    installers: list[Installation] = field(default_factory=list)
    """Those who have installed it, each without the bot's half."""
    unreadable: list[UnreadableRecord] = field(default_factory=list)

    @property
    def key(self) -> WorkspaceKey:
        return WorkspaceKey(self.enterprise_id, self.team_id)

    @property
    def name(self) -> str | None:
        """The workspace's name, or the org's, where Slack has told it."""
        for item in [self.bot, *self.installers]:
            found = (item.team_name if self.team_id else item.enterprise_name) if item else None
            if found:
                return str(found)
        return None


class WorkspaceAdmin:
    """The blocking calls; each raises StoreUnavailable where the store does not answer."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self, after: str = "") -> Iterator[InstalledWorkspace]:
        """Go through all workspaces, or those behind the place `after`; raises ValueError where that is none."""
        if after and after[0] not in (_INSTALLERS, _BOTS_ALONE):
            raise ValueError(after)
        if not after.startswith(_BOTS_ALONE):
            yield from self._installed(after[1:])
        yield from self._bots_alone(after[1:] if after.startswith(_BOTS_ALONE) else "")

    def find(self, enterprise_id: str | None, team_id: str | None) -> list[InstalledWorkspace]:
        """Return the workspaces with these ids; None: any enterprise, or with `team_id` None an org-wide install."""
        return [
            workspace
            for workspace in self.all()
            if workspace.team_id == (team_id or "") and enterprise_id in (None, workspace.enterprise_id)
        ]

    def remove(self, workspace: InstalledWorkspace, *, installed_until: float) -> int:
        """Delete all of the workspace that was installed until then (Unix seconds); how many records that were.

        What cannot be opened goes too, where nothing else of the workspace can tell its age.
        """
        limit = None if workspace.unreadable else installed_until
        removal = Removal(bot=True, all_users=True, not_after=limit)
        for _ in range(ATTEMPTS):
            changes = changes_for(self._records, workspace.key, removal)
            if not changes or self._records.commit(changes):
                return len(changes)
        raise StoreUnavailable("contended", "too many writers changed the same installation at once")

    def _installed(self, after: str) -> Iterator[InstalledWorkspace]:
        start = f"{after}/{_BEHIND_ALL}" if after else ""
        for record_id, group in groupby(self._from(INSTALLATIONS, start), lambda found: _workspace_id(found.record_id)):
            workspace = self._workspace(record_id, _INSTALLERS)
            for found in group:
                if isinstance(found, Stored):
                    workspace.installers.append(installation_from(found.value, None))
                else:
                    workspace.unreadable.append(found)
            yield workspace

    def _bots_alone(self, after: str) -> Iterator[InstalledWorkspace]:
        for found in self._from(BOTS, after):
            if not self._records.page(INSTALLATIONS, prefix=f"{found.record_id}/", limit=1):
                yield self._workspace(found.record_id, _BOTS_ALONE)

    def _workspace(self, record_id: str, kind: str) -> InstalledWorkspace:
        enterprise_id, team_id, _ = ids_in(record_id)
        workspace = InstalledWorkspace(enterprise_id, team_id, kind + record_id)
        try:
            stored = self._records.read(BOTS, record_id)
            workspace.bot = bot_from(stored.value) if stored else None
        except UnreadableRecord as error:
            workspace.unreadable.append(error)
        return workspace

    def _from(self, table: str, after: str) -> Iterator[Stored | UnreadableRecord]:
        while page := self._records.page(table, after=after):
            yield from page
            after = page[-1].record_id


def _workspace_id(record_id: str) -> str:
    return record_id.rpartition("/")[0]
