"""Backups of a store in PostgreSQL, in the format of all backups.

They are a copy of our records, not pg_dump's: they are checked, compared and restored like any other backup, also into
a file, and need no program of PostgreSQL's version.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from latchkey.storage.backup.backup_manifest import Backup
from latchkey.storage.backup.create import BackupSource, make_backup_of
from latchkey.storage.backup.restore import write_restored
from latchkey.storage.copying import COPYING, MOVED, StoreCopy, copy_table
from latchkey.storage.crypto import Keyring, read_keyring
from latchkey.storage.engine import (
    Change,
    KeyValue,
    ReadOnlyKeyValue,
    SqliteKeyValue,
    create_database,
    leave_wal_mode,
)
from latchkey.storage.rotation import ProgressCallback, ignore_progress
from latchkey.storage.tables import META, TABLES

if TYPE_CHECKING:
    from latchkey.storage.engine.postgresql import DatabaseUrl


def make_database_backup(
    url: DatabaseUrl,
    keyring_path: Path,
    folder: Path,
    *,
    made_by: str = "",
    progress: ProgressCallback = ignore_progress,
) -> Backup:
    """Make a backup of the store as it is at one moment; servers may keep running. See `make_backup`."""
    from latchkey.storage.engine.postgresql import Snapshot

    def copy(target: Path) -> None:
        with closing(Snapshot(url, TABLES)) as snapshot:
            write_copy(snapshot, target, progress)

    source = BackupSource(url, read_keyring(keyring_path), keyring_path, keyring_path.resolve().parent, copy)
    return make_backup_of(source, folder, made_by=made_by, progress=progress)


def write_copy(source: KeyValue, target: Path, progress: ProgressCallback) -> None:
    """Write all records into a new file, without the marks of a copy. Raises StoreUnavailable or OSError."""
    create_database(target)
    done, total = 0, sum(map(source.count, TABLES))
    # The folder, which the lock between processes would be on, is locked by the backup itself.
    with closing(SqliteKeyValue(target, TABLES, is_shared=False)) as engine:
        for table in TABLES:
            for counts in copy_table(source, engine, table):
                progress("copied", done + counts.records, max(total, done + counts.records))
            done += counts.records
        engine.commit([Change(META, mark, None) for mark in (MOVED, COPYING)])
    leave_wal_mode(target)
    descriptor = os.open(target, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def restore_into_database(
    target: StoreCopy,
    backup: Backup,
    keys: Keyring,
    *,
    keep_events: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> None:
    """Replace all records by those of a checked backup; see `restore`.

    A restore that is interrupted leaves a mark, so that no server runs until the command has been run again. Raises
    StoreRefused if another process has the store open, StoreInUse, or StoreUnavailable.
    """
    with target.exclusively(), TemporaryDirectory(prefix="latchkey-restore-") as folder:
        prepared = Path(folder) / "store.sqlite"
        write_restored(backup, prepared, keys, keep_events=keep_events)
        with closing(ReadOnlyKeyValue(prepared, TABLES)) as source:
            target.replace_with(source, f"the backup {backup.path.name}", progress)
