"""Deletes installations: exactly those named, and never one installed later.

Invariant: a removal is one commit, which is applied only if every record is
still as it was read, so that a concurrent install is never deleted with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations.cache import TokenCache
from latchkey.storage.installations.installation_codec import without_user_token
from latchkey.storage.installations.revoked_workspace import installed_workspace, revoked_workspace
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


class Removals:
    """The blocking calls that delete installations."""

    def __init__(self, records: Records, cache: TokenCache, on_removal: Callable[[], None]) -> None:
        """`on_removal` is called when records have been deleted."""
        self._records = records
        self._cache = cache
        self._on_removal = on_removal

    def delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete the workspace's bot. Its installers' records stay, as in slack_sdk's stores."""
        self._remove(WorkspaceKey.of(enterprise_id, team_id), Removal(bot=True))

    def delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Delete this user's installation, or all users' if `user_id` is None; the bot stays."""
        removal = Removal(all_users=True) if user_id is None else Removal(user_ids=frozenset({user_id}))
        self._remove(WorkspaceKey.of(enterprise_id, team_id), removal)

    def delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete everything stored for this workspace, or for the org if `team_id` is None.

        Deleting a workspace never deletes the installation of its org.
        """
        self._remove(WorkspaceKey.of(enterprise_id, team_id), Removal(bot=True, all_users=True))

    def remove_revoked(
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
        """Delete what Slack revoked, but nothing installed after `event_time` (Unix seconds).

        An org-wide installation is removed only with `is_enterprise_install`. Without an
        `enterprise_id`, the workspace is found by its `team_id`. An installer whose token is revoked
        stays known while the workspace has a bot. Returns the number of records deleted or changed;
        0 if the event was applied before.
        """
        removal = Removal(
            bot=bot or everything,
            all_users=everything,
            user_ids=frozenset(user_ids),
            tokens_only=not everything,
            not_after=event_time,
        )
        key = revoked_workspace(self._records, enterprise_id, team_id, is_enterprise_install)
        return self._remove(key, removal) if key else 0

    def remove_teams(
        self, enterprise_id: str | None, team_ids: Sequence[str], *, event_time: float | None = None
    ) -> int:
        """Delete what these workspaces of an org have of their own, but nothing installed after `event_time`.

        The org's installation stays. Returns the number of records deleted.
        """
        removal = Removal(bot=True, all_users=True, not_after=event_time)
        keys = (installed_workspace(self._records, WorkspaceKey.of(enterprise_id, team_id)) for team_id in team_ids)
        return sum(self._remove(key, removal) for key in keys if key is not None)

    def own_installations(self, enterprise_id: str, team_ids: Iterable[str]) -> set[str]:
        """Return those of the org's workspaces that have installed the app themselves."""
        keys = {team_id: WorkspaceKey.of(enterprise_id, team_id) for team_id in team_ids}
        return {team_id for team_id, key in keys.items() if installed_workspace(self._records, key) is not None}

    def _remove(self, key: WorkspaceKey, removal: Removal) -> int:
        count = commit_with_retry(lambda: changes_for(self._records, key, removal), partial(self._commit, key))
        if count:
            self._on_removal()
        return count

    def _commit(self, key: WorkspaceKey, changes: list[Change]) -> bool:
        try:
            return self._records.commit(changes)
        finally:
            # Even if it failed: after a timeout the write may or may not be on disk.
            self._cache.forget(key)


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
