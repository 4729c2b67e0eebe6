"""Adds the workspaces of a source to the store, beside a running server.

Invariant: a token or record that was obtained here at the same time or later is never replaced, so an import can be
interrupted and repeated. Each commit is applied only if every record is still as it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations.installation_codec import with_user_token_of
from latchkey.storage.installations.moving.incoming import IncomingWorkspace, Installer, obtained_at
from latchkey.storage.installations.removal import commit_with_retry
from latchkey.storage.installations.token_changes import for_new_token
from latchkey.storage.installations.token_id import TokenId
from latchkey.storage.records import Records
from latchkey.storage.tables import BOTS, INSTALLATIONS, WORKSPACES


class Merged(StrEnum):
    """What happened to one workspace."""

    NEW = "new"
    UPDATED = "updated"
    """The source has something newer."""
    UNCHANGED = "unchanged"
    """What the source has is here already."""
    NEWER_HERE = "newer_here"
    """Something was installed or refreshed here later, and was kept; nothing was changed."""
    UNREADABLE = "unreadable"
    """A record of it cannot be decrypted; nothing was changed."""
    NOT_ALLOWED = "not_allowed"
    """The app may not be used there; nothing was changed."""


def merge(records: Records, workspaces: Sequence[IncomingWorkspace], *, dry_run: bool) -> Counter[Merged]:
    """Commit these workspaces, together if possible, and return what happened to them; raises StoreUnavailable.

    `dry_run`: return what would happen, and change nothing.
    """
    counted, changes = _prepare(records, workspaces)
    if dry_run or not changes or records.commit(changes):
        return counted
    # Another writer has changed one of them since it was read; committed one by one, conflicts are rare.
    return sum((_merge_alone(records, workspace) for workspace in workspaces), Counter())


def _merge_alone(records: Records, workspace: IncomingWorkspace) -> Counter[Merged]:
    counted: Counter[Merged] = Counter()

    def prepare() -> list[Change]:
        nonlocal counted
        counted, changes = _prepare(records, [workspace])
        return changes

    commit_with_retry(prepare, records.commit)
    return counted


def _prepare(records: Records, workspaces: Sequence[IncomingWorkspace]) -> tuple[Counter[Merged], list[Change]]:
    """Compare the workspaces with the store; return what happens to them, and the changes."""
    counted: Counter[Merged] = Counter()
    changes: list[Change] = []
    for workspace in workspaces:
        merger = _Merger(records, workspace)
        try:
            merger.compare()
        except UnreadableRecord:
            counted[Merged.UNREADABLE] += 1
            continue
        counted[merger.result] += 1
        changes += merger.changes
    return counted, changes


class _Merger:
    """Compares one workspace of the source with the store."""

    def __init__(self, records: Records, workspace: IncomingWorkspace) -> None:
        self.changes: list[Change] = []
        self._records = records
        self._workspace = workspace
        self._is_known = self._is_newer_here = False

    @property
    def result(self) -> Merged:
        if self.changes:
            return Merged.UPDATED if self._is_known else Merged.NEW
        return Merged.NEWER_HERE if self._is_newer_here else Merged.UNCHANGED

    def compare(self) -> None:
        """Determine the changes; raises UnreadableRecord."""
        key, bot = self._workspace.key, self._workspace.bot
        if bot is not None:
            self._put_if_newer(bot)
        for user_id, installer in self._workspace.installers.items():
            self._put_installer(TokenId(key, user_id), installer)
        self._put_latest()

    def _put_if_newer(self, bot: dict[str, Any]) -> None:
        record_id = self._workspace.key.record_id
        stored = self._records.read(BOTS, record_id)
        if stored is not None:
            self._is_known = True
            newer = obtained_at(bot, "bot") - obtained_at(stored.value, "bot")
            self._is_newer_here |= newer < 0
            if newer <= 0:
                return
        self.changes.append(self._records.replace(BOTS, stored, record_id, bot))
        self.changes += for_new_token(self._records, TokenId(self._workspace.key), bot)

    def _put_installer(self, token_id: TokenId, new: Installer) -> None:
        record_id = token_id.home_id
        stored = self._records.read(INSTALLATIONS, record_id)
        if stored is None:
            self.changes.append(self._records.replace(INSTALLATIONS, None, record_id, new.value))
            if new.value["user_token"] is not None:
                self.changes += for_new_token(self._records, token_id, new.value)
            return
        self._is_known = True
        here = stored.value
        later = float(new.value["installed_at"]) - float(here["installed_at"])
        # When a token was obtained that has been revoked here is unknown; only a later installation brings another one.
        newer = later if here["user_token"] is None else new.obtained_at - obtained_at(here, "user")
        self._is_newer_here |= later < 0 or newer < 0
        has_newer_token = newer > 0 and new.value["user_token"] is not None
        merged = with_user_token_of(new.value if has_newer_token else here, new.value if later > 0 else here)
        if merged != here:
            self.changes.append(self._records.replace(INSTALLATIONS, stored, record_id, merged))
        if has_newer_token:
            self.changes += for_new_token(self._records, token_id, merged)

    def _put_latest(self) -> None:
        """Make the newest installer the workspace's latest, unless a later one is here."""
        # Of several that were installed in the same second, the last one.
        installers = [installer.value for installer in reversed(self._workspace.installers.values())]
        if not installers:
            return
        newest = max(installers, key=lambda value: float(value["installed_at"]))
        key = self._workspace.key
        pointer = self._records.read(WORKSPACES, key.record_id)
        if pointer is not None:
            latest = self._records.read(INSTALLATIONS, key.user_record_id(pointer.value["user_id"]))
            if latest is not None and latest.value["installed_at"] >= newest["installed_at"]:
                return
        if pointer is None or pointer.value["user_id"] != newest["user_id"]:
            change = self._records.replace(WORKSPACES, pointer, key.record_id, {"user_id": newest["user_id"]})
            self.changes.append(change)
