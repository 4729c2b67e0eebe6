"""Makes backups, beside a running server: copies the store into a folder, checks the copy, then names the folder.

Invariant: a backup is complete or absent. It contains what the store contains,
encrypted as it is there, and never the keyring. An older backup is deleted only
once a newer one is complete.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import StoreRefused, StoreUnavailable
from latchkey.storage.backup.backup_manifest import (
    MANIFEST_NAME,
    STORE_NAME,
    Backup,
    list_backups,
    name_for,
    read_backup,
    write_manifest,
)
from latchkey.storage.crypto import Keyring, read_keyring
from latchkey.storage.engine import (
    PRIVATE_FOLDER,
    acting_as_owner_of,
    check_is_store,
    copy_store,
    create_private_folder,
    no_replace,
    sha256_of,
    side_files,
    sync_folder,
)
from latchkey.storage.rotation import ProgressCallback, VerificationResult, ignore_progress, verify_file

_HIDDEN_NAME = re.compile(r"\.\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?\.[0-9a-f]{8}", re.ASCII)
"""The names of backups that are being made or deleted: hidden, unlike any backup's name."""

logger = logging.getLogger("latchkey.storage")


def make_backup(
    store_path: Path,
    keyring_path: Path,
    folder: Path,
    *,
    made_by: str = "",
    progress: ProgressCallback = ignore_progress,
    clock: Callable[[], float] = time.time,
) -> Backup:
    """Make a backup of the store in a new folder in `folder`, and return it. Servers may keep running.

    It contains every write committed before the call. `made_by` is Latchkey's version; `clock`
    returns Unix seconds. Unreadable records are copied and counted (`Backup.unreadable`).
    Raises StoreRefused, StoreUnavailable or KeyringError, and then leaves nothing behind.
    """
    try:
        with acting_as_owner_of(store_path):
            check_is_store(store_path)
            keys = read_keyring(keyring_path)
    except OSError as error:
        raise StoreRefused(f"no backup was made: {error.filename or folder}: {error.strerror}") from None

    def copy(target: Path) -> None:
        with acting_as_owner_of(store_path), no_replace(store_path):
            copy_store(store_path, target)

    source = BackupSource(store_path, keys, keyring_path, store_path.parent, copy)
    return make_backup_of(source, folder, made_by=made_by, progress=progress, clock=clock)


class BackupSource(NamedTuple):
    """What is backed up."""

    name: object
    """How messages name the store."""
    keys: Keyring
    keyring_path: Path
    owner_of: Path
    """The folder whose owner a new folder of backups gets."""
    copy: Callable[[Path], None]
    """Writes a copy of the store to a new file, with nothing beside it; on disk when it returns."""


def make_backup_of(
    source: BackupSource,
    folder: Path,
    *,
    made_by: str,
    progress: ProgressCallback,
    clock: Callable[[], float] = time.time,
) -> Backup:
    """Make a backup, and return it; see `make_backup`."""
    try:
        # Root may make the first backup, and the server's user the next.
        create_private_folder(folder, owner_of=source.owner_of)
        made_at = clock()
        with acting_as_owner_of(folder):
            _clear_leftovers(folder)
            with _hidden_folder(folder, name_for(made_at, 1)) as unfinished:
                backup = _fill(unfinished, source, made_at, progress)
                write_manifest(backup, unfinished, made_by)
                sync_folder(unfinished)
                return read_backup(_publish(unfinished, folder, made_at))
    except OSError as error:
        raise StoreRefused(f"no backup was made: {error.filename or folder}: {error.strerror}") from None


def prune(folder: Path, keep: int, *, spare: Path) -> list[Path]:
    """Delete all but the newest `keep` backups in the folder, and never `spare`; returns the deleted paths.

    A backup with other files in it is logged and kept. Raises StoreRefused.
    """
    deleted = []
    with acting_as_owner_of(folder):
        older = [backup.path for backup in list_backups(folder) if backup.path != spare]
        for path in older[max(keep - 1, 0) :]:
            if {item.name for item in path.iterdir()} - {STORE_NAME, MANIFEST_NAME}:
                logger.warning("the backup %s contains files that are not Latchkey's; it is kept", path)
                continue
            hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                path.rename(hidden)
                # On disk first: after a power cut, a backup must not be there without its files.
                sync_folder(folder)
                _delete(hidden)
            except OSError as error:
                raise StoreRefused(f"the old backup {path} cannot be deleted: {error.strerror}") from None
            deleted.append(path)
    return deleted


def _fill(unfinished: Path, source: BackupSource, made_at: float, progress: ProgressCallback) -> Backup:
    """Copy the store, then check the copy: its pages and every record."""
    copy = unfinished / STORE_NAME
    source.copy(copy)
    try:
        result, records = verify_file(copy, source.keys, progress)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            error.reason,
            f"no backup was made: the store {source.name} is damaged (its copy fails SQLite's check)",
            hint="restore an older backup; until then the server uses what it can read",
        ) from error
    _refuse_wrong_keys(result, source)
    return Backup(
        path=unfinished,
        made_at=made_at,
        key_ids=tuple(sorted(result.key_ids)),
        records=records,
        unreadable=result.unreadable,
        size=copy.stat().st_size,
        sha256=sha256_of(copy),
    )


def _refuse_wrong_keys(result: VerificationResult, source: BackupSource) -> None:
    if not result.key_ids:
        raise StoreRefused(
            f"no record of the store {source.name} can be decrypted with the keys of {source.keyring_path}",
            hint="put the keyring back from its copy; a backup is made only if it can be checked",
        )


@contextmanager
def _hidden_folder(folder: Path, name: str) -> Iterator[Path]:
    """Yield a new hidden folder, locked while this process lives, and deleted on error."""
    while True:
        path = folder / f".{name}.{secrets.token_hex(4)}"
        path.mkdir(mode=PRIVATE_FOLDER)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Before it was locked, another run may have deleted it as a killed run's.
        if path.exists():
            break
        os.close(descriptor)
    try:
        yield path
    except BaseException:
        _delete(path)
        raise
    finally:
        os.close(descriptor)


def _publish(unfinished: Path, folder: Path, made_at: float) -> Path:
    """Rename a finished backup to the first free name of its second."""
    for number in itertools.count(1):
        path = folder / name_for(made_at, number)
        if path.exists():
            continue
        with suppress(FileExistsError, NotADirectoryError):
            unfinished.rename(path)
            sync_folder(folder)
            return path
    raise AssertionError("unreachable")


def _clear_leftovers(folder: Path) -> None:
    """Delete what killed runs left behind; the folders of live runs are locked."""
    for path in folder.iterdir():
        if not _HIDDEN_NAME.fullmatch(path.name) or not path.is_dir():
            continue
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _delete(path)
            finally:
                os.close(descriptor)


def _delete(path: Path) -> None:
    """Delete a backup's folder: only the files that we write, then the folder if it is empty."""
    store, manifest = path / STORE_NAME, path / MANIFEST_NAME
    for file in (store, *side_files(store), manifest, path / f"{MANIFEST_NAME}.new"):
        file.unlink(missing_ok=True)
    path.rmdir()
