"""slack_sdk's installation store on sealed records: the blocking calls.

Rule: what one call saves is committed together; however often it is saved, an
installer has one record and a workspace one bot.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from copy import copy
from logging import Logger
from typing import NamedTuple

from slack_sdk.oauth.installation_store import Bot, Installation, InstallationStore

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations.cache import BotCache
from latchkey.storage.installations.installation_codec import bot_from, bot_value, installation_from, installer_value
from latchkey.storage.installations.removal import Removal, changes_for
from latchkey.storage.installations.workspace_key import WorkspaceKey
from latchkey.storage.records import PAGE, Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, WORKSPACES

ATTEMPTS = 20
"""How often a change is tried again when another writer comes between; each attempt means that somebody got on."""


class InstallationPage(NamedTuple):
    """Some of all installations, in a stable order."""

    installations: list[Installation]
    unreadable: list[UnreadableRecord]
    after: str | None
    """Hand this to the next call; None: there are no more."""


class BlockingInstallations(InstallationStore):
    """Installations by workspace and installer.

    `user_id=None` means the workspace's latest installation. Every installation comes with the
    workspace's latest bot token. All calls raise StoreUnavailable where the store does not answer,
    and UnreadableRecord where a record cannot be opened; what is not there is None.
    """

    def __init__(self, records: Records, cache: BotCache) -> None:
        self._records = records
        self._cache = cache
        self._logger = logging.getLogger("latchkey.storage")

    @property
    def logger(self) -> Logger:
        return self._logger

    def save(self, installation: Installation) -> None:
        """Store the installer's half, the bot where there is one, and that this is the latest, in one commit."""
        key = _key_of(installation)
        record_id = key.user_record_id(installation.user_id)
        for _ in range(ATTEMPTS):
            before = self._records.read(INSTALLATIONS, record_id)
            value = installer_value(installation, before.value if before else None)
            changes = [
                self._records.replace(INSTALLATIONS, before, record_id, value),
                self._records.put(WORKSPACES, key.record_id, {"user_id": installation.user_id}),
            ]
            if installation.bot_token is not None:
                changes.append(self._records.put(BOTS, key.record_id, bot_value(installation.to_bot())))
            if self._commit(key, changes):
                return
        raise _busy()

    def save_bot(self, bot: Bot) -> None:
        """Store the workspace's bot; one without a token changes nothing."""
        if bot.bot_token is not None:
            key = _key_of(bot)
            self._commit(key, [self._records.put(BOTS, key.record_id, bot_value(bot))])

    def find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the workspace's (or the org's) bot, or None."""
        key = WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install)
        cached = self._cache.get(key)
        if cached is not None:
            return copy(cached)
        generation = self._cache.generation
        stored = self._records.read(BOTS, key.record_id)
        if stored is None:
            return None
        bot = bot_from(stored.value)
        self._cache.put(key, bot, generation)
        return bot

    def cached_bot(
        self, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the bot from memory, to be read and not changed; None where memory does not have it.

        Never touches the disk, so it may be called on the event loop.
        """
        return self._cache.get(WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install))

    def find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """Return this user's installation (None: the latest) with the latest bot merged in, or None."""
        key = WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install)
        if user_id is None:
            latest = self._records.read(WORKSPACES, key.record_id)
            if latest is None:
                return None
            user_id = latest.value["user_id"]
        installer = self._records.read(INSTALLATIONS, key.user_record_id(user_id))
        if installer is None:
            return None
        bot = self._records.read(BOTS, key.record_id)
        return installation_from(installer.value, bot.value if bot else None)

    def enrich(self, installation: Installation) -> None:
        """Add what `auth.test` told (bot id, names, the org's URL) to what `save` stored.

        Where another install or a refresh has come between, its token stays and nothing is added.
        """
        key = _key_of(installation)
        record_id = key.user_record_id(installation.user_id)
        bot = self._records.read(BOTS, key.record_id)
        installer = self._records.read(INSTALLATIONS, record_id)
        changes = []
        if bot is not None and bot.value["bot_token"] == installation.bot_token:
            changes.append(self._records.replace(BOTS, bot, key.record_id, bot_value(installation.to_bot())))
        if installer is not None and installer.value["installed_at"] == installation.installed_at:
            value = installer_value(installation, installer.value)
            changes.append(self._records.replace(INSTALLATIONS, installer, record_id, value))
        if changes:
            self._commit(key, changes)

    def delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete the workspace's bot; users' tokens stay."""
        self._remove(enterprise_id, team_id, Removal(bot=True))

    def delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Delete this user's installation, or all users' where `user_id` is None; the bot stays."""
        self._remove(enterprise_id, team_id, _removal_of_user(user_id))

    def delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete all that is stored of the workspace; where it has no install of its own, the org-wide one."""
        self._remove(enterprise_id, team_id, Removal(bot=True, all_users=True))

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
        """Delete what Slack says is revoked, but nothing that was installed after `event_time` (Unix seconds).

        A user whose token is revoked stays known as the installer while the bot is there. Returns the
        number of records deleted or changed; 0 when all of it had happened before.
        """
        removal = Removal(
            bot=bot or everything,
            all_users=everything,
            user_ids=frozenset(user_ids),
            tokens_only=not everything,
            not_after=event_time,
        )
        return self._remove(enterprise_id, team_id, removal, is_enterprise_install)

    def page(self, *, after: str = "", limit: int = PAGE) -> InstallationPage:
        """Return the next installations of all workspaces; begin with `after=""`."""
        stored = self._records.page(INSTALLATIONS, after=after, limit=limit)
        found: list[Installation] = []
        unreadable: list[UnreadableRecord] = []
        bots: dict[str, Stored | None] = {}
        for record in stored:
            try:
                if isinstance(record, UnreadableRecord):
                    raise record
                workspace = record.record_id.rpartition("/")[0]
                if workspace not in bots:
                    bots[workspace] = self._records.read(BOTS, workspace)
                bot = bots[workspace]
                found.append(installation_from(record.value, bot.value if bot else None))
            except UnreadableRecord as error:
                unreadable.append(error)
        return InstallationPage(found, unreadable, stored[-1].record_id if len(stored) == limit else None)

    def _remove(
        self, enterprise_id: str | None, team_id: str | None, removal: Removal, is_enterprise_install: bool = False
    ) -> int:
        key = self._installed_key(WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install))
        for _ in range(ATTEMPTS):
            changes = changes_for(self._records, key, removal)
            if not changes or self._commit(key, changes):
                return len(changes)
        raise _busy()

    def _installed_key(self, key: WorkspaceKey) -> WorkspaceKey:
        """Return the org's key where the org is what was installed: Slack names a workspace of it in its events."""
        org = WorkspaceKey(key.enterprise_id, "")
        if not key.enterprise_id or self._holds(key) or not self._holds(org):
            return key
        return org

    def _holds(self, key: WorkspaceKey) -> bool:
        """Whether the workspace has an install, be it one that cannot be opened."""
        users = self._records.page(INSTALLATIONS, prefix=key.user_prefix, limit=1)
        return bool(users) or self._records.holds(BOTS, key.record_id)

    def _commit(self, key: WorkspaceKey, changes: list[Change]) -> bool:
        try:
            return self._records.commit(changes)
        finally:
            # Also when it failed: after a time-out nobody knows what is on disk.
            self._cache.forget(key)


def _key_of(model: Installation | Bot) -> WorkspaceKey:
    return WorkspaceKey.of(model.enterprise_id, model.team_id, model.is_enterprise_install)


def _removal_of_user(user_id: str | None) -> Removal:
    return Removal(all_users=True) if user_id is None else Removal(user_ids=frozenset({user_id}))


def _busy() -> StoreUnavailable:
    return StoreUnavailable("contended", "too many writers changed the same installation at once")
