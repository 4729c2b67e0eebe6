"""Compares the files after a power cut with what had been acknowledged before it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.errors import LatchkeyError, StoreRefused
from latchkey.storage import (
    Store,
    StoredEvent,
    check_backup,
    list_backups,
    open_store,
    read_backup,
    read_keyring,
    restore,
    restoring,
)
from tests.durability.power_cuts.recording import Operation


@dataclass
class Promised:
    """What has been acknowledged so far."""

    teams: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    """Accepted events."""
    handled: set[str] = field(default_factory=set)
    """Events whose listener has run, which may be before the sender of the event got its answer."""
    backups: dict[str, set[str]] = field(default_factory=dict)
    """The workspaces in each backup, by path."""
    primary: str = ""
    """The key of the last rotation that has ended."""
    retired: str = ""
    """The key that was dropped."""
    removed: set[str] = field(default_factory=set)
    """Workspaces whose removal was acknowledged, since the last restore."""
    restoring: str = ""
    """The backup that is being restored; the store may have its content or the old one."""
    pruning: bool = False

    def note(self, operation: Operation) -> None:
        fields = json.loads(operation.data)
        method = fields.pop("does", None) or f"end_{fields.pop('did')}"
        getattr(self, f"_{method}")(*fields.values())

    def _end_start(self) -> None:
        """The store was opened."""

    def _install(self, team: str) -> None:
        self.removed.discard(team)

    def _end_install(self, team: str) -> None:
        self.teams.add(team)

    def _remove(self, team: str) -> None:
        self.teams.discard(team)

    def _end_remove(self, team: str) -> None:
        self.removed.add(team)

    def _end_event(self, name: str) -> None:
        self.events.add(name)

    def _end_handle(self, name: str) -> None:
        self.handled.add(name)

    def _end_backup(self, path: str) -> None:
        self.backups[path] = set(self.teams)

    def _end_rotate(self, key: str) -> None:
        self.primary = key

    def _retire(self, key: str) -> None:
        """The key is being dropped."""

    def _end_retire(self, key: str) -> None:
        self.retired = key

    def _restore(self, path: str) -> None:
        self.restoring = path

    def _end_restore(self) -> None:
        self.teams, self.events, self.restoring = set(self.backups[self.restoring]), set(), ""
        self.removed -= self.teams

    def _prune(self) -> None:
        self.pruning = True

    def _end_prune(self) -> None:
        self.pruning = False
        newest = max(self.backups)
        self.backups = {newest: self.backups[newest]}


def problems_after(home: Path, promised: Promised) -> list[str]:
    """Return how the files break what was promised: what is lost, or why the store cannot be opened."""
    paths = home / "data" / "store.sqlite", home / "keys" / "keyring"
    try:
        return [*_problems_of_backups(home, paths[1], promised), *_problems_of_store(paths, home, promised)]
    except LatchkeyError as error:
        return [f"{type(error).__name__}: {error}"]


def _problems_of_backups(home: Path, keyring: Path, promised: Promised) -> list[str]:
    listed = list_backups(home / "backups")
    for backup in listed:
        check_backup(backup, read_keyring(keyring), keyring)
    lost = set(promised.backups) - {str(backup.path.relative_to(home)) for backup in listed}
    return [] if promised.pruning else [f"lost the backup {path}" for path in lost]


def _problems_of_store(paths: tuple[Path, Path], home: Path, promised: Promised) -> list[str]:
    try:
        store = open_store(*paths)
    except StoreRefused as error:
        if not promised.restoring or "run `latchkey restore` again" not in error.hint:
            raise
        backup, keys = read_backup(home / promised.restoring), read_keyring(paths[1])
        with restoring(paths[0]):
            restore(paths[0], backup, keys, now=0.0)
        store = open_store(*paths)
    with closing(store):
        return _problems_of_records(store, promised)


def _problems_of_records(store: Store, promised: Promised) -> list[str]:
    store.check_pages()
    verified = store.keys.verify()
    found = [f"unreadable: {error}" for error in verified.listed]
    keys = [entry.key_id for entry in store.keys.entries()]
    if promised.primary and keys[0] != promised.primary:
        found.append("the new key is not the primary key")
    if promised.retired in keys:
        found.append("the dropped key is in the keyring")
    page = store.installations.page()
    teams = {str(item.team_id) for item in page.installations}
    events = {event.event_id for event in store.event_admin.all() if isinstance(event, StoredEvent)}
    if promised.restoring and teams == promised.backups[promised.restoring]:
        return found
    found += [f"lost the installation of {team}" for team in promised.teams - teams]
    found += [f"lost the event {name}" for name in promised.events - promised.handled - events]
    found += [f"the removed installation of {team} is there" for team in teams & promised.removed]
    for item in page.installations:
        if store.installations.find_bot(enterprise_id=item.enterprise_id, team_id=item.team_id) is None:
            found.append(f"the installation of {item.team_id} has no bot")
    store.ready()
    return found
