"""Replaces the store by a backup.

Invariant: everything is checked first, then the new file is written next to the
old one, and only then are the two swapped. A failure before that leaves the
store unchanged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latchkey.errors import KeysMissing, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage.backup.backup_manifest import Backup
from latchkey.storage.backup.swap import clear_interrupted, copy_owner_and_mode, copy_path, refuse_foreign_file, swap_in
from latchkey.storage.crypto import Keyring, Sealer
from latchkey.storage.engine import (
    PRIVATE_FILE,
    ReadOnlyKeyValue,
    SqliteKeyValue,
    acting_as_owner_of,
    create_private_folder,
    exclusive,
    maintenance_lock,
    refuse_open,
    remove_store,
    sha256_of,
    side_files,
)
from latchkey.storage.inbox import fail_unfinished
from latchkey.storage.records import Records
from latchkey.storage.rotation import ProgressCallback, ignore_progress, verify_file
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, STATES, TABLES

RESTORED = "restored from a backup"
"""The error of the events that a restore marks as failed, so that their listeners don't run long after they came."""
_CHUNK_BYTES = 1 << 20


def check_backup(
    backup: Backup, keys: Keyring, keyring_path: Path, progress: ProgressCallback = ignore_progress
) -> None:
    """Raise StoreRefused unless the backup matches its manifest and these keys decrypt its records."""
    _check_keys(backup, keys, keyring_path)
    with acting_as_owner_of(backup.path):
        _check_content(backup, keys, progress)


def _check_content(backup: Backup, keys: Keyring, progress: ProgressCallback) -> None:
    _check_file(backup)
    try:
        with closing(ReadOnlyKeyValue(backup.store, TABLES)) as engine:
            _check_format(backup, Records(engine, Sealer(keys)))
        result, records = verify_file(backup.store, keys, progress)
    except (StoreUnavailable, OSError) as error:
        raise _damaged(backup, "its store cannot be read") from error
    if records != {**dict.fromkeys(TABLES, 0), **backup.records}:
        raise _damaged(backup, "its records are not those that its manifest lists")
    if result.unreadable > backup.unreadable:
        raise _damaged(backup, f"{result.unreadable - backup.unreadable} of its records cannot be decrypted")


@contextmanager
def restoring(store_path: Path) -> Iterator[None]:
    """Keep all other processes from opening the store meanwhile.

    Raises StoreRefused if a process has it open or its path is not a store, and StoreInUse.
    """
    refuse_foreign_file(store_path)
    refuse_open(store_path)
    create_private_folder(store_path.parent)
    with maintenance_lock(store_path), exclusive(store_path):
        yield


def restore(store_path: Path, backup: Backup, keys: Keyring, *, now: float, keep_events: bool = False) -> Path | None:
    """Replace the store by a checked backup, and return the path of the old store (None: there was none).

    Call it within `restoring`. `now` is in Unix seconds. Unfinished events are marked failed, so that
    no event is handled weeks late; with `keep_events` they run at the next start. OAuth states are
    dropped. Raises StoreRefused or StoreUnavailable, and then leaves the store unchanged.
    """
    copy = copy_path(store_path)
    try:
        clear_interrupted(store_path)
        try:
            write_restored(backup, copy, keys, keep_events=keep_events)
            _finish(copy, store_path)
        except BaseException:
            remove_store(copy)  # on a full disk, it took the last space
            raise
        return _swap_in(store_path, copy, now)
    except OSError as error:
        raise StoreRefused(f"{error.filename or copy}: {error.strerror}") from None


def _swap_in(store_path: Path, copy: Path, now: float) -> Path | None:
    try:
        return swap_in(store_path, copy, now)
    except BaseException:
        if store_path.exists():  # else the copy is the only store
            clear_interrupted(store_path)
        raise


def write_restored(backup: Backup, copy: Path, keys: Keyring, *, keep_events: bool) -> None:
    """Write a checked backup as the new store that it becomes, complete except for its owner; see `restore`."""
    _copy(backup, copy)
    with closing(SqliteKeyValue(copy, TABLES)) as engine:
        records = Records(engine, Sealer(keys))
        _drop_states(records)
        if not keep_events:
            fail_unfinished(records, RESTORED)
    if any(file.exists() for file in side_files(copy)):
        raise StoreUnavailable("io", f"{copy} was not written completely")


def _check_keys(backup: Backup, keys: Keyring, keyring_path: Path) -> None:
    missing = sorted(set(backup.key_ids) - set(keys.key_ids))
    if missing:
        raise KeysMissing(backup.path, keyring_path, missing=missing, present=keys.key_ids, what="backup")


def _check_file(backup: Backup) -> None:
    try:
        size = backup.store.stat().st_size
        if size != backup.size:
            raise _damaged(backup, f"{backup.store.name} has {size:,} bytes instead of {backup.size:,}")
        if sha256_of(backup.store) != backup.sha256:
            raise _damaged(backup, f"{backup.store.name} was changed (its hash differs)")
    except OSError as error:
        raise _damaged(backup, f"{backup.store.name}: {error.strerror}") from None


def _check_format(backup: Backup, records: Records) -> None:
    try:
        record = records.read(META, FORMAT)
    except UnreadableRecord:
        raise _damaged(backup, "its format record cannot be decrypted") from None
    if record is None or record.value.get("version") != FORMAT_VERSION:
        raise StoreRefused(
            f"the backup {backup.path} was made by another version of Latchkey", hint="upgrade, then restore it"
        )


def _damaged(backup: Backup, what: str) -> StoreRefused:
    return StoreRefused(
        f"the backup {backup.path} cannot be used: {what}", hint="restore another backup; nothing was changed"
    )


def _copy(backup: Backup, copy: Path) -> None:
    """Copy the backup's file, and check that it is still the one that was checked before."""
    digest = hashlib.sha256()
    with acting_as_owner_of(backup.path):
        source = open(backup.store, "rb")  # noqa: SIM115  # closed below
    with source, open(_create(copy), "wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != backup.sha256:
        raise _damaged(backup, f"{backup.store.name} was changed while it was read")


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)


def _finish(copy: Path, store_path: Path) -> None:
    descriptor = os.open(copy, os.O_RDWR | os.O_CLOEXEC)
    try:
        copy_owner_and_mode(descriptor, store_path)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _drop_states(records: Records) -> None:
    """Delete the OAuth states: each is valid for ten minutes and one browser only."""
    while page := records.page(STATES):
        records.commit([records.discard(STATES, record.record_id) for record in page])
