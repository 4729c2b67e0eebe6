"""Deletes installations: exactly those named, and never one installed later.

Invariant: a removal is one commit, which is applied only if every record is
still as it was read, so that a concurrent install is never deleted with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations.installation_codec import without_user_token
from latchkey.storage.installations.token_changes import for_removed_token
from latchkey.storage.installations.token_id import TokenId
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, WORKSPACES

MAX_ATTEMPTS = 20
"""Attempts at a compare-and-swap. Each failure means that another writer succeeded."""


@dataclass(frozen=True)
class Removal:
    """What to remove from one workspace."""

    bot: bool = False
    all_users: bool = False
    user_ids: frozenset[str] = frozenset()
    tokens_only: bool = False
    """Remove tokens instead of records: an installer stays known while the workspace has a bot; then, records that are
    left without any token go too."""
    not_after: float | None = None
    """Unix seconds; what was installed later stays. None: no limit."""

    def covers(self, value: dict[str, Any]) -> bool:
        """Whether a record is old enough. Slack's event times are whole seconds, so ours are truncated."""
        return self.not_after is None or int(value["installed_at"]) <= self.not_after

    def names(self, value: dict[str, Any]) -> bool:
        """Whether this installer's record is to be removed."""
        return (self.all_users or value["user_id"] in self.user_ids) and self.covers(value)


def changes_for(records: Records, key: WorkspaceKey, removal: Removal) -> list[Change]:
    """Return the changes that remove this from the workspace as it is now; empty if there is nothing left to do."""
    changes: list[Change] = []
    bot = _read(records, BOTS, key.record_id)
    bot_stays = bot is not None and not (removal.bot and _covers(removal, bot))
    if bot is not None and not bot_stays:
        changes.append(_delete(records, BOTS, bot))
        changes += for_removed_token(records, TokenId(key))
    staying: list[Stored] = []
    for installer in records.all(INSTALLATIONS, prefix=key.user_prefix):
        change = _installer_change(records, installer, removal, bot_stays)
        if change is not None:
            changes.append(change)
            # Each change of an installer's record deletes its token.
            changes += for_removed_token(records, TokenId(key, ids_in(installer.record_id)[2]))
        if (change is None or change.value is not None) and isinstance(installer, Stored):
            staying.append(installer)
    return changes + _latest(records, key, staying) if changes else []


def commit_with_retry(prepare: Callable[[], list[Change]], commit: Callable[[list[Change]], bool]) -> int:
    """Prepare and commit changes until no other writer came between; returns their number.

    Nothing is committed if there are none. Raises StoreUnavailable after MAX_ATTEMPTS.
    """
    for _ in range(MAX_ATTEMPTS):
        changes = prepare()
        if not changes or commit(changes):
            return len(changes)
    raise StoreUnavailable("contended", "too many concurrent writers changed the same installation")


def _installer_change(
    records: Records, installer: Stored | UnreadableRecord, removal: Removal, bot_stays: bool
) -> Change | None:
    if isinstance(installer, UnreadableRecord):
        # Its user and its age are unknown, so only a removal of all users, of any age, may delete it.
        return _delete(records, INSTALLATIONS, installer) if removal.all_users and removal.not_after is None else None
    value = installer.value
    if not removal.tokens_only:
        return _delete(records, INSTALLATIONS, installer) if removal.names(value) else None
    without_token = value["user_token"] is None
    if bot_stays:
        if without_token or not removal.names(value):
            return None
        return records.replace(INSTALLATIONS, installer, installer.record_id, without_user_token(value))
    # Without a bot and without a token of its own, the record has no use.
    empty = removal.bot and without_token and removal.covers(value)
    return _delete(records, INSTALLATIONS, installer) if empty or removal.names(value) else None


def _latest(records: Records, key: WorkspaceKey, staying: list[Stored]) -> list[Change]:
    """Return the change that makes the newest of the installers who stay the latest, if one is needed."""
    pointer = _read(records, WORKSPACES, key.record_id)
    if pointer is None:
        return []
    if not staying or isinstance(pointer, UnreadableRecord):
        return [_delete(records, WORKSPACES, pointer)] if not staying else []
    if any(installer.value["user_id"] == pointer.value["user_id"] for installer in staying):
        return []
    newest = max(staying, key=lambda installer: float(installer.value["installed_at"]))
    return [records.replace(WORKSPACES, pointer, key.record_id, {"user_id": newest.value["user_id"]})]


def _read(records: Records, table: str, record_id: str) -> Stored | UnreadableRecord | None:
    try:
        return records.read(table, record_id)
    except UnreadableRecord as error:
        return error


def _covers(removal: Removal, bot: Stored | UnreadableRecord) -> bool:
    return removal.covers(bot.value) if isinstance(bot, Stored) else removal.not_after is None


def _delete(records: Records, table: str, record: Stored | UnreadableRecord) -> Change:
    if isinstance(record, Stored):
        return records.remove(table, record)
    return records.discard(table, record.record_id)
