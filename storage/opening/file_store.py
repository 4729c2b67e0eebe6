"""Opens or creates a store in a SQLite file.

Invariant: an empty store is never created silently, and a new key never beside
existing records. Both files are created if neither exists; if one is missing,
foreign or does not match the other, the error says which, and what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from latchkey.errors import StoreRefused
from latchkey.storage.backup import clear_interrupted, copy_path
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer, generate_key
from latchkey.storage.engine import (
    FilePresence,
    SqliteKeyValue,
    create_database,
    create_private_folder,
    remove_store,
    rename_noreplace,
)
from latchkey.storage.opening.format_record import FORMAT_VALUE, check_format
from latchkey.storage.opening.keyring_creation import create_new_keyring
from latchkey.storage.opening.preconditions import check_existing, check_files, is_being_restored, unfinished_path
from latchkey.storage.records import Records
from latchkey.storage.store import OpenedEngine
from latchkey.storage.tables import FORMAT, META, TABLES

logger = logging.getLogger("latchkey.storage")


def open_or_create(
    path: Path,
    keyring_path: Path,
    undo: ExitStack,
    *,
    new_store: bool,
    server_address: str | None,
    clock: Callable[[], float],
) -> OpenedEngine:
    """Return the engine, which `undo` closes. Raises StoreRefused, KeyringError or StoreUnavailable."""
    # Before the first folder is created. Whether a restore is running or was interrupted, only the lock shows.
    if not is_being_restored(path):
        check_files(path, keyring_path, new_store=new_store)
    return _open(path, undo, lambda: _prepare(path, keyring_path, new_store, clock), server_address)


def open_existing(path: Path, keyring_path: Path, undo: ExitStack) -> OpenedEngine:
    """The same for a store that must exist."""
    return _open(path, undo, partial(_prepare_existing, path, keyring_path))


def require_store(path: Path) -> None:
    """Raise StoreRefused if there is no store, and none that a restore has taken away."""
    if not path.exists() and not copy_path(path).exists():
        raise StoreRefused(
            f"there is no store {path}",
            hint="check the configuration file and [storage] path; the server creates the store when it first starts",
        )


def _open(
    path: Path, undo: ExitStack, prepare: Callable[[], KeyringFile], server_address: str | None = None
) -> OpenedEngine:
    try:
        presence = FilePresence(path, server_address=server_address)
        undo.callback(presence.close)
        keyring_file = prepare()
        engine = SqliteKeyValue(path, TABLES)
        undo.callback(engine.close)
    except OSError as error:
        raise StoreRefused(f"{error.filename or path}: {error.strerror}") from None
    sealer = Sealer(keyring_file.keyring)
    check_format(engine, sealer, path, keyring_file.path)
    return OpenedEngine(keyring_file, engine, sealer, presence)


def _prepare(path: Path, keyring_path: Path, new_store: bool, clock: Callable[[], float]) -> KeyringFile:
    """Check the files, create those that may be created, and return the keyring."""
    file = check_files(path, keyring_path, new_store=new_store)
    if file is None:
        return _create_both(path, keyring_path, clock)
    if path.exists():
        _clean_up(path)
    else:
        _create_unfinished(path, Sealer(file.keyring))
        _finish(path)
    return file


def _prepare_existing(path: Path, keyring_path: Path) -> KeyringFile:
    """Check the files of an existing store, clean up after interrupted commands, and return the keyring."""
    file = check_existing(path, keyring_path)
    _clean_up(path)
    return file


def _clean_up(path: Path) -> None:
    remove_store(unfinished_path(path))
    clear_interrupted(path)


def _create_both(path: Path, keyring_path: Path, clock: Callable[[], float]) -> KeyringFile:
    """Create the store, then the keyring, then rename the store: after an interruption, the next start continues."""
    keys = Keyring((generate_key(),))
    _create_unfinished(path, Sealer(keys))
    file = create_new_keyring(keyring_path, keys, clock())
    _finish(path)
    return file


def _create_unfinished(path: Path, sealer: Sealer) -> None:
    """Create a complete, closed store under a temporary name."""
    unfinished = unfinished_path(path)
    create_private_folder(unfinished.parent)
    remove_store(unfinished)
    create_database(unfinished)
    with closing(SqliteKeyValue(unfinished, TABLES)) as engine:
        records = Records(engine, sealer)
        records.commit([records.put(META, FORMAT, FORMAT_VALUE)])


def _finish(path: Path) -> None:
    rename_noreplace(unfinished_path(path), path)
    logger.info("a new, empty store was created at %s", path)
