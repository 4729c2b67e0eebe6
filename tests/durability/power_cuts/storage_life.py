"""A store's life in one process: first start, installs, events, backups, a rotation beside a server, a restore.

Run as `python storage_life.py HOME`. It acknowledges what its callers have been promised.
"""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path

from latchkey.storage import (
    Outcome,
    Store,
    StoredEvent,
    check_backup,
    make_backup,
    open_store,
    prune,
    read_backup,
    read_keyring,
    restore,
    restoring,
)
from latchkey.storage.rotation import rotate
from tests.durability.power_cuts.recording import ACKNOWLEDGEMENTS, acknowledge
from tests.support.stores import installation

HOME = Path(sys.argv[1])
PATHS = HOME / "data" / "store.sqlite", HOME / "keys" / "keyring"
BACKUPS = HOME / "backups"
note = functools.partial(acknowledge, HOME.parent / ACKNOWLEDGEMENTS)


def install(store: Store, team: str) -> None:
    note(does="install", team=team)
    store.installations.save(installation(team))
    note(did="install", team=team)


def remove(store: Store, team: str) -> None:
    note(does="remove", team=team)
    store.installations.delete_all(enterprise_id=None, team_id=team)
    note(did="remove", team=team)


def events(store: Store, name: str, count: int) -> None:
    """Accept events, and handle every other one."""
    done: list[Outcome] = []
    for number in range(count):
        event = StoredEvent(
            f"Ev{name}{number}", time.time(), "request", None, b'{"type": "event_callback"}' + b" " * 700
        )
        store.inbox.commit([event], done)
        note(did="event", id=event.event_id)
        done = []
        if number % 2:
            note(did="handle", id=event.event_id)
            done = [Outcome.done(event) if number % 3 else Outcome.retry(event, attempts=1, due_at=time.time())]
    store.inbox.commit([], done)


def back_up() -> str:
    backup = make_backup(*PATHS, BACKUPS)
    note(did="backup", path=str(backup.path.relative_to(HOME)))
    return str(backup.path)


def rotate_keys(store: Store) -> None:
    rotate.SETTLE_SECONDS = 0.0
    note(did="rotate", key=store.keys.rotate(before=back_up).key_id)


def retire_old_key(store: Store) -> None:
    """Once no backup needs it."""
    old = store.keys.entries()[-1].key_id
    note(does="retire", key=old)
    store.keys.retire(old, {}, confirm=lambda needed: None)
    note(did="retire", key=old)


def restore_newest() -> None:
    path = Path(back_up())
    store = open_store(*PATHS)
    install(store, "Tlater")
    events(store, "later", 3)
    store.close()
    backup, keys = read_backup(path), read_keyring(PATHS[1])
    check_backup(backup, keys, PATHS[1])
    note(does="restore", path=str(path.relative_to(HOME)))
    with restoring(PATHS[0]):
        restore(PATHS[0], backup, keys, now=time.time())
    note(did="restore")


def main() -> None:
    store = open_store(*PATHS)
    note(did="start")
    for number in range(4):
        install(store, f"T{number}")
    events(store, "a", 8)
    back_up()
    remove(store, "T1")
    with_server = open_store(*PATHS)
    rotate_keys(store)
    install(with_server, "T4")
    events(with_server, "b", 6)
    with_server.close()
    store.close()
    restore_newest()
    store = open_store(*PATHS)
    store.inbox.recover()
    install(store, "T5")
    events(store, "c", 6)
    note(does="prune")
    prune(BACKUPS, 1, spare=Path(back_up()))
    note(did="prune")
    retire_old_key(store)
    install(store, "T6")
    store.close()


main()
