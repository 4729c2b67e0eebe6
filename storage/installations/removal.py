"""Taking installations away: exactly what is named, and nothing that was installed since.

Rule: a removal is one commit that holds only while every record is still what
was read, so that an install that comes between is never taken with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations.installation_codec import without_user_token
from latchkey.storage.installations.workspace_key import WorkspaceKey
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, WORKSPACES


@dataclass(frozen=True)
class Removal:
    """What is to be removed from one workspace."""

    bot: bool = False
    all_users: bool = False
    user_ids: frozenset[str] = frozenset()
    tokens_only: bool = False
    """Take a user's token, and keep the installer's record while the workspace has a bot."""
    not_after: float | None = None
    """Unix seconds; what was installed later stays. None: there is no such limit."""

    def takes(self, value: dict[str, Any]) -> bool:
        """Whether a record of this age is taken. Slack's event times are whole seconds, so ours are cut to them."""
        return self.not_after is None or int(value["installed_at"]) <= self.not_after

    def names(self, value: dict[str, Any]) -> bool:
        return (self.all_users or value["user_id"] in self.user_ids) and self.takes(value)


def changes_for(records: Records, key: WorkspaceKey, removal: Removal) -> list[Change]:
    """Return the changes that carry out `removal` on what the workspace holds now; none where nothing is left to do."""
    changes: list[Change] = []
    bot = _readable(records, BOTS, key.record_id)
    bot_stays = bot is not None and not (removal.bot and _taken(removal, bot))
    if bot is not None and not bot_stays:
        changes.append(_delete(records, BOTS, bot))
    staying: list[Stored] = []
    for installer in records.all(INSTALLATIONS, prefix=key.user_prefix):
        change = _installer_change(records, installer, removal, bot_stays)
        if change is not None:
            changes.append(change)
        if (change is None or change.value is not None) and isinstance(installer, Stored):
            staying.append(installer)
    return changes + _latest(records, key, staying) if changes else []


def _installer_change(
    records: Records, installer: Stored | UnreadableRecord, removal: Removal, bot_stays: bool
) -> Change | None:
    if isinstance(installer, UnreadableRecord):
        # Whether it is the one named cannot be known; only a removal of everything may take it.
        return _delete(records, INSTALLATIONS, installer) if removal.all_users and removal.not_after is None else None
    named = removal.names(installer.value)
    if named and removal.tokens_only and bot_stays:
        if installer.value["user_token"] is None:
            return None
        return records.replace(INSTALLATIONS, installer, installer.record_id, without_user_token(installer.value))
    # Without a bot and without a token of its own, a record is of no use to anybody.
    empty = removal.bot and not bot_stays and installer.value["user_token"] is None and removal.takes(installer.value)
    return _delete(records, INSTALLATIONS, installer) if named or empty else None


def _latest(records: Records, key: WorkspaceKey, staying: list[Stored]) -> list[Change]:
    """Return the change after which the workspace names the latest of those who stay, if there is one to make."""
    pointer = _readable(records, WORKSPACES, key.record_id)
    if pointer is None:
        return []
    if not staying or isinstance(pointer, UnreadableRecord):
        return [_delete(records, WORKSPACES, pointer)] if not staying else []
    if any(installer.value["user_id"] == pointer.value["user_id"] for installer in staying):
        return []
    newest = max(staying, key=lambda installer: float(installer.value["installed_at"]))
    return [records.replace(WORKSPACES, pointer, key.record_id, {"user_id": newest.value["user_id"]})]


def _readable(records: Records, table: str, record_id: str) -> Stored | UnreadableRecord | None:
    try:
        return records.read(table, record_id)
    except UnreadableRecord as error:
        return error


def _taken(removal: Removal, bot: Stored | UnreadableRecord) -> bool:
    return removal.takes(bot.value) if isinstance(bot, Stored) else removal.not_after is None


def _delete(records: Records, table: str, record: Stored | UnreadableRecord) -> Change:
    if isinstance(record, Stored):
        return records.remove(table, record)
    return records.discard(table, record.record_id)
