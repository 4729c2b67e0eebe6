"""slack_sdk's installation store on encrypted records: the blocking calls.

Invariant: one call commits everything it saves at once. An installer has one
record and a workspace one bot, no matter how many times they are saved.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from copy import copy
from functools import partial
from logging import Logger
from typing import NamedTuple

from slack_sdk.oauth.installation_store import Bot, Installation, InstallationStore

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.inbox import StoredEvent, replay_of
from latchkey.storage.installations.cache import NOT_CACHED, NotCached, UserToken
from latchkey.storage.installations.installation_codec import (
    bot_from,
    bot_value,
    installation_from,
    installer_value,
    user_token_from,
    with_user_token_of,
)
from latchkey.storage.installations.removal import Removals, commit_with_retry
from latchkey.storage.installations.token_changes import for_new_token
from latchkey.storage.installations.token_id import TokenId
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import PAGE, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, WORKSPACES

MAX_INSTALLERS = 50
"""Installers of a workspace that are looked at to find out who has a token; each takes about 30 µs to decrypt."""


class InstallationPage(NamedTuple):
    """One page of all installations, in a stable order."""

    installations: list[Installation]
    unreadable: list[UnreadableRecord]
    after: str | None
    """The cursor for the next call; None if this is the last page."""


class BlockingInstallations(Removals, InstallationStore):
    """Installations by workspace and installer.

    `user_id=None` means the workspace's latest installation. Every installation comes with the
    workspace's latest bot token. An absent record is None. All calls raise StoreUnavailable if the
    store does not answer, and UnreadableRecord if a record cannot be decrypted.
    """

    @property
    def logger(self) -> Logger:
        """Required by slack_sdk's interface."""
        return logging.getLogger("latchkey.storage")

    def save(self, installation: Installation) -> None:
        """Store the installer, the bot if there is one, and that this installer is the latest."""
        self.save_new(installation, None)

    def save_new(self, installation: Installation, event: StoredEvent | None) -> None:
        """Do the same, and in the same commit hand an event to the server, which then runs it."""
        key = _key_of(installation)
        record_id = key.user_record_id(installation.user_id)

        def prepare() -> list[Change]:
            before = self._records.read(INSTALLATIONS, record_id)
            value = installer_value(installation, before.value if before else None)
            changes = [
                self._records.replace(INSTALLATIONS, before, record_id, value),
                self._records.put(WORKSPACES, key.record_id, {"user_id": installation.user_id}),
            ]
            if installation.user_token is not None:
                changes += for_new_token(self._records, TokenId(key, installation.user_id), value)
            if installation.bot_token is not None:
                changes += self._bot_changes(key, installation.to_bot())
            if event is not None:
                changes.append(replay_of(self._records, event))
            return changes

        commit_with_retry(prepare, partial(self._commit, key))

    def save_bot(self, bot: Bot) -> None:
        """Store the workspace's bot; does nothing if it has no token."""
        if bot.bot_token is not None:
            key = _key_of(bot)
            commit_with_retry(lambda: self._bot_changes(key, bot), partial(self._commit, key))

    def find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the workspace's (or the org's) bot, or None."""
        key = WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install)
        cached = self._cache.bot(key)
        if cached is not NOT_CACHED:
            return copy(cached)
        generation = self._cache.generation
        stored = self._records.read(BOTS, key.record_id)
        bot = bot_from(stored.value) if stored is not None else None
        self._cache.put_bot(key, bot, generation)
        return bot

    def cached_bot(
        self, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | NotCached | None:
        """Return the cached bot, which the caller must not change; None if it is known that there is none.

        Never touches the disk, so it is safe on the event loop.
        """
        return self._cache.bot(WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install))

    def find_user_token(
        self,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
        *,
        user_id: str | None,
    ) -> UserToken | None:
        """Return this person's own token (None: the latest installer's), or None. Never another person's."""
        key = WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install)
        cached = self._cache.user(key, user_id)
        if cached is not NOT_CACHED:
            return cached
        generation = self._cache.generation
        installer = self._installer(key, user_id)
        token = user_token_from(installer.value) if installer is not None else None
        self._cache.put_user(key, user_id, token, generation)
        if token is None and (people := self._people_with_tokens(key)) is not None:
            self._cache.put_people(key, people, generation)
        return token

    def cache_tokens(
        self, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool, user_id: str
    ) -> None:
        """Read the bot and this person's token into the cache. A person's record that is unreadable is left out."""
        self.find_bot(enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install)
        with suppress(UnreadableRecord):
            self.find_user_token(enterprise_id, team_id, is_enterprise_install, user_id=user_id)

    def cached_user_token(
        self, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None, user_id: str | None
    ) -> UserToken | NotCached | None:
        """The same, but only from the cache: safe on the event loop."""
        return self._cache.user(WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install), user_id)

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
        installer = self._installer(key, user_id)
        if installer is None:
            return None
        bot = self._records.read(BOTS, key.record_id)
        return installation_from(installer.value, bot.value if bot else None)

    def enrich(self, installation: Installation) -> None:
        """Add what `auth.test` returned (bot id, names, the org's URL) to what `save` stored.

        Changes nothing if another install or a refresh has replaced the token since.
        """
        key = _key_of(installation)
        record_id = key.user_record_id(installation.user_id)
        bot = self._records.read(BOTS, key.record_id)
        installer = self._records.read(INSTALLATIONS, record_id)
        changes = []
        if bot is not None and bot.value["bot_token"] == installation.bot_token:
            changes.append(self._records.replace(BOTS, bot, key.record_id, bot_value(installation.to_bot(), bot.value)))
        if installer is not None and installer.value["installed_at"] == installation.installed_at:
            # Its token may have been refreshed since.
            value = with_user_token_of(installer.value, installer_value(installation, None))
            changes.append(self._records.replace(INSTALLATIONS, installer, record_id, value))
        if changes:
            self._commit(key, changes)

    def page(self, *, after: str = "", limit: int = PAGE) -> InstallationPage:
        """Return the installations of all workspaces, a page at a time; `after` is the cursor of the page before."""
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

    def _installer(self, key: WorkspaceKey, user_id: str | None) -> Stored | None:
        """Return the record of this installer (None: the latest)."""
        if user_id is None:
            latest = self._records.read(WORKSPACES, key.record_id)
            if latest is None:
                return None
            user_id = latest.value["user_id"]
        return self._records.read(INSTALLATIONS, key.user_record_id(user_id))

    def _people_with_tokens(self, key: WorkspaceKey) -> frozenset[str] | None:
        """Return the ids of those who may have a token; None if there are too many installers to look at."""
        installers = self._records.page(INSTALLATIONS, prefix=key.user_prefix, limit=MAX_INSTALLERS + 1)
        if len(installers) > MAX_INSTALLERS:
            return None
        return frozenset(
            ids_in(installer.record_id)[2]
            for installer in installers
            if isinstance(installer, UnreadableRecord) or user_token_from(installer.value) is not None
        )

    def _bot_changes(self, key: WorkspaceKey, bot: Bot) -> list[Change]:
        try:
            before = self._records.read(BOTS, key.record_id)
            value = bot_value(bot, before.value if before else None)
            change = self._records.replace(BOTS, before, key.record_id, value)
        except UnreadableRecord:
            # The new token is needed, and replaces one that nobody can use.
            value = bot_value(bot)
            change = self._records.put(BOTS, key.record_id, value)
        return [change, *for_new_token(self._records, TokenId(key), value)]


def _key_of(model: Installation | Bot) -> WorkspaceKey:
    return WorkspaceKey.of(model.enterprise_id, model.team_id, model.is_enterprise_install)
