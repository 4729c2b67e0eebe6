"""The store, its keyring, and every record in it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import KeyringError, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage import State, Store, StoreKeys, open_store

DISK_FULL_BYTES = 50 << 20
DISK_NEARLY_FULL_BYTES = 1 << 30
"""Beside this, twice the store's own size should be free: a backup and a restore each copy it."""
LARGE_WAL_BYTES = 256 << 20
OLD_KEY_SECONDS = 366 * 86400
LATE_EVENT_SECONDS = 900
NEARLY_FULL = 0.8
"""Of [events] inbox_events."""


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at the files, then open the store and every record; nothing is changed."""
    path, keyring = patient.settings.store_path, patient.settings.keyring_path
    if not path.exists():
        yield finding("store-missing", f"there is no store {path}")
        return
    files = list(_files(path, keyring))
    yield from files
    yield from _disk(path)
    if any(item.code == "store-open" for item in files):
        return  # it is refused for that, and nothing else can be seen
    try:
        store = open_store(path, keyring, create=False)
    except KeyringError as error:
        yield finding("keyring-unusable", str(error), error.hint)
    except StoreRefused as error:
        yield finding("keys-missing" if "key ids" in str(error) else "store-refused", str(error), error.hint)
    except StoreUnavailable as error:
        yield finding("store-damaged" if error.reason == "damaged" else "store-unavailable", str(error), error.hint)
    else:
        with closing(store):
            yield from _opened(store, patient)


def _opened(store: Store, patient: Patient) -> Iterator[Finding]:
    try:
        store.check_pages()
        yield from _keys(store.keys, patient)
        yield from _events(store, patient)
    except StoreUnavailable as error:
        yield finding("store-damaged" if error.reason == "damaged" else "store-unavailable", str(error), error.hint)


def _files(path: Path, keyring: Path) -> Iterator[Finding]:
    owner = path.parent.stat().st_uid
    for file in (path.parent, path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            right = "700" if file == path.parent else "600"
            yield finding("store-open", f"{file} has mode {mode:04o}", f"chmod {right} {file}")
        if status.st_uid != owner:
            yield finding("store-foreign", f"{file} belongs to uid {status.st_uid}, its folder to uid {owner}")
    if path.parent.resolve() == keyring.parent.resolve():
        yield finding("store-beside-keyring", f"{path} and {keyring} lie in one folder")


def _disk(path: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(path.parent).free
    megabytes = f"{free >> 20:,} MB are free in {path.parent}"
    if free < DISK_FULL_BYTES:
        yield finding("disk-full", megabytes)
    elif free < max(DISK_NEARLY_FULL_BYTES, 2 * path.stat().st_size):
        yield finding("disk-nearly-full", megabytes)
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > LARGE_WAL_BYTES:
        yield finding("wal-large", f"{log} has {log.stat().st_size >> 20:,} MB")


def _keys(keys: StoreKeys, patient: Patient) -> Iterator[Finding]:
    entries = keys.entries()
    known = {entry.key_id for entry in entries}
    use = keys.use()
    missing = {key_id for counts in use.values() for key_id in counts if key_id} - known
    if missing:
        yield finding("keys-missing", f"records need the key ids {', '.join(sorted(missing))}")
    found = keys.verify()
    for error in (error for error in found.first if error.key_id not in missing):
        yield finding("records-unreadable", str(error))
    if found.stale or sum(entry.retired_at is None for entry in entries) > 1:
        yield finding("rotation-unfinished", f"{found.stale:,} records are under an older key than {entries[0].key_id}")
    made = entries[0].made_at
    if made is not None and patient.clock() - made > OLD_KEY_SECONDS:
        yield finding("key-old", f"{entries[0].key_id} was made {time.strftime('%Y-%m-%d', time.gmtime(made))}")
    for opener in keys.openers():
        if opener.pid != os.getpid() and (opener.key_ids or ("",))[0] != entries[0].key_id:
            yield finding("key-not-taken", f"process {opener.pid} does not seal with {entries[0].key_id}")


def _events(store: Store, patient: Patient) -> Iterator[Finding]:
    aside = waiting = 0
    oldest = patient.clock()
    for state, tried in store.event_records.entries():
        if isinstance(tried, UnreadableRecord):
            continue  # told with the other records
        if state is State.ASIDE:
            aside += 1
        else:
            waiting += 1
            oldest = min(oldest, tried.event.received_at)
    if aside:
        yield finding("events-aside", f"{aside:,} events were set aside")
    age = patient.clock() - oldest
    if age > LATE_EVENT_SECONDS:
        yield finding("events-late", f"the oldest of {waiting:,} events has waited for {age / 60:.0f} minutes")
    if waiting > NEARLY_FULL * patient.settings.events.inbox_events:
        yield finding("inbox-nearly-full", f"{waiting:,} of {patient.settings.events.inbox_events:,} events wait")
