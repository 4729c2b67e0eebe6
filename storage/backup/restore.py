"""A backup put in the place of the store.

Rule: first everything is checked, then the new file is made beside the old one,
and only then are they changed for one another. Wherever it fails before that,
the store is as it was.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latchkey.errors import StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage.backup.backup_manifest import Backup
from latchkey.storage.backup.swap import clear_interrupted, copy_path, like_before, refuse_other_programs_file, replace
from latchkey.storage.crypto import Keyring, Sealer
from latchkey.storage.engine import (
    PRIVATE_FILE,
    Snapshot,
    SqliteKeyValue,
    alone,
    companions,
    create_private_folder,
    examine,
    give_to_owner_of,
    maintenance_lock,
    refuse_open,
    sha256_of,
)
from latchkey.storage.inbox import fail_unfinished
from latchkey.storage.progress import ProgressCallback, ignore_progress
from latchkey.storage.records import Records
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, STATES, TABLES

RESTORED = "restored from a backup"
"""The error of the events that a restore marks as failed, so that their listeners don't run long after they came."""
_CHUNK = 1 << 20


def check_backup(
    backup: Backup, keys: Keyring, keyring_path: Path, progress: ProgressCallback = ignore_progress
) -> None:
    """Raise StoreRefused unless the backup is what its manifest says, and every record of it opens with these keys."""
    _check_keys(backup, keys, keyring_path)
    _check_file(backup)
    try:
        with closing(Snapshot(backup.store)) as snapshot:
            _check_format(backup, Records(snapshot, Sealer(keys)))
            found = examine(snapshot, Sealer(keys), progress)
    except (StoreUnavailable, OSError) as error:
        raise _damaged(backup, "its store cannot be read") from error
    if found.records != {**dict.fromkeys(TABLES, 0), **backup.records}:
        raise _damaged(backup, "it does not hold the records that its manifest tells of")
    if found.unreadable > backup.unreadable:
        raise _damaged(backup, f"{found.unreadable - backup.unreadable} of its records cannot be opened")


@contextmanager
def restoring(store_path: Path) -> Iterator[None]:
    """Keep everybody else from the store.

    Raises StoreRefused where a process has it open or its path names something else, and AnotherRun.
    """
    refuse_other_programs_file(store_path)
    refuse_open(store_path)
    create_private_folder(store_path.parent)
    with maintenance_lock(store_path), alone(store_path):
        yield


def restore(store_path: Path, backup: Backup, keys: Keyring, *, now: float, keep_events: bool = False) -> Path | None:
    """Put a backup that was checked in the store's place, and return where the old store is (None: there was none).

    To be called within `restoring`. `now` is Unix seconds. Events that were not done are put aside, so
    that nobody is answered weeks later; with `keep_events` they run at the next start. OAuth states
    are dropped. Raises StoreRefused or StoreUnavailable, and the store is then as it was.
    """
    copy = copy_path(store_path)
    try:
        clear_interrupted(store_path)
        _copy(backup, copy)
        with closing(SqliteKeyValue(copy, TABLES)) as engine:
            records = Records(engine, Sealer(keys))
            _drop_states(records)
            if not keep_events:
                fail_unfinished(records, RESTORED)
        if any(companion.exists() for companion in companions(copy)):
            raise StoreUnavailable("io", f"{copy} was not put on disk as a whole")
        _finish(copy, store_path)
        return replace(store_path, copy, now)
    except OSError as error:
        raise StoreRefused(f"{error.filename or store_path}: {error.strerror}") from None


def _check_keys(backup: Backup, keys: Keyring, keyring_path: Path) -> None:
    missing = sorted(set(backup.key_ids) - set(keys.key_ids))
    if missing:
        raise StoreRefused(
            f"the backup {backup.path} needs the key ids {', '.join(missing)}, which {keyring_path} lacks"
            f" (it has {', '.join(keys.key_ids)})",
            hint="put the missing keys back from the keyring's copy; nothing was changed",
        )


def _check_file(backup: Backup) -> None:
    try:
        size = backup.store.stat().st_size
        if size != backup.size:
            raise _damaged(backup, f"{backup.store.name} has {size:,} bytes, and had {backup.size:,}")
        if sha256_of(backup.store) != backup.sha256:
            raise _damaged(backup, f"{backup.store.name} is not what was written (its hash is another one)")
    except OSError as error:
        raise _damaged(backup, f"{backup.store.name}: {error.strerror}") from None


def _check_format(backup: Backup, records: Records) -> None:
    try:
        record = records.read(META, FORMAT)
    except UnreadableRecord:
        raise _damaged(backup, "its format record cannot be opened") from None
    if record is None or record.value.get("version") != FORMAT_VERSION:
        raise StoreRefused(
            f"the backup {backup.path} was made by another version of Latchkey", hint="upgrade, then restore it"
        )


def _damaged(backup: Backup, what: str) -> StoreRefused:
    return StoreRefused(
        f"the backup {backup.path} cannot be used: {what}", hint="restore another backup; nothing was changed"
    )


def _copy(backup: Backup, copy: Path) -> None:
    """Copy the backup's file, and see that it is still the one that was checked."""
    digest = hashlib.sha256()
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with open(descriptor, "wb") as target, open(backup.store, "rb") as source:
        give_to_owner_of(copy.parent, target.fileno())
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != backup.sha256:
        copy.unlink()
        raise _damaged(backup, f"{backup.store.name} was changed while it was read")


def _finish(copy: Path, store_path: Path) -> None:
    descriptor = os.open(copy, os.O_RDWR | os.O_CLOEXEC)
    try:
        like_before(descriptor, store_path)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _drop_states(records: Records) -> None:
    """A state is good for ten minutes and one browser; those in a backup are of no use to anybody."""
    while page := records.page(STATES):
        records.commit([records.discard(STATES, record.record_id) for record in page])
