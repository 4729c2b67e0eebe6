"""Opens a store and its keyring, or refuses to.

Invariant: an empty store is never created silently, and a new key never beside
existing records. Both files are created if neither exists; if one is missing,
foreign or does not match the other, the error says which, and what to do.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from latchkey.errors import KeysMissing, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage.backup import clear_interrupted, copy_path
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer, create_keyring, generate_key
from latchkey.storage.engine import (
    FilePresence,
    SqliteKeyValue,
    create_database,
    create_private_folder,
    remove_store,
    rename_noreplace,
)
from latchkey.storage.opening.preconditions import check_existing, check_files, is_being_restored, unfinished_path
from latchkey.storage.records import Records
from latchkey.storage.rotation import key_use, needed_ids
from latchkey.storage.store import CommandStore, OpenedEngine, Store
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, SEALED_TABLES, TABLES

logger = logging.getLogger("latchkey.storage")

StrPath = str | os.PathLike[str]


def open_store(
    path: StrPath,
    keyring: StrPath,
    *,
    new_store: bool = False,
    must_exist: bool = False,
    server_address: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Return the store at `path`, encrypted with the keys in the file `keyring`.

    Creates both if neither exists, unless `must_exist`. With `new_store`, creates an empty store beside an existing
    keyring. `server_address` is given by a server, which runs the store's events, and of which there
    can be only one; it is shown to others that try to start. `clock` gives Unix seconds. Raises
    StoreRefused, KeyringError or StoreUnavailable; if the file of one of the two is the reason,
    nothing was created.
    """
    store_path, keyring_path = Path(path), Path(keyring)
    if must_exist:
        _require_store(store_path)
    # Before the first folder is created. Whether a restore is running or was interrupted, only the lock shows.
    if not is_being_restored(store_path):
        check_files(store_path, keyring_path, new_store=new_store)
    with ExitStack() as undo:
        opened = _open_files(
            store_path, undo, lambda: _prepare(store_path, keyring_path, new_store, clock), server_address
        )
        undo.pop_all()
        return Store(opened, clock)


def open_for_command(path: StrPath, keyring: StrPath) -> CommandStore:
    """Return an existing store for a command: blocking calls only, and no threads.

    Raises StoreRefused, KeyringError or StoreUnavailable.
    """
    store_path, keyring_path = Path(path), Path(keyring)
    _require_store(store_path)
    with ExitStack() as undo:
        opened = _open_files(store_path, undo, partial(_prepare_existing, store_path, keyring_path))
        undo.pop_all()
        return CommandStore(opened)


def _require_store(path: Path) -> None:
    if not path.exists() and not copy_path(path).exists():
        raise StoreRefused(
            f"there is no store {path}",
            hint="check the configuration file and [storage] path; the server creates the store when it first starts",
        )


def _open_files(
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
    _check_format(engine, sealer, path, keyring_file.path)
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
    create_keyring(keyring_path, keys, clock())
    logger.warning(
        "a new encryption key was created in %s: back it up now, apart from the store; without it no token can be read",
        keyring_path,
    )
    _finish(path)
    return KeyringFile(keyring_path)


def _create_unfinished(path: Path, sealer: Sealer) -> None:
    """Create a complete, closed store under a temporary name."""
    unfinished = unfinished_path(path)
    create_private_folder(unfinished.parent)
    remove_store(unfinished)
    create_database(unfinished)
    with closing(SqliteKeyValue(unfinished, TABLES)) as engine:
        records = Records(engine, sealer)
        records.commit([records.put(META, FORMAT, {"version": FORMAT_VERSION})])


def _finish(path: Path) -> None:
    rename_noreplace(unfinished_path(path), path)
    logger.info("a new, empty store was created at %s", path)


def _check_format(engine: SqliteKeyValue, sealer: Sealer, path: Path, keyring_path: Path) -> None:
    """Check the format record; a keyring that lacks some keys is a warning, one that lacks all of them an error."""
    try:
        format_record = Records(engine, sealer).read(META, FORMAT)
    except UnreadableRecord as error:
        if error.key_id is None or error.key_id in sealer.keyring.key_ids:
            # Its key is not the problem.
            raise StoreUnavailable(
                "damaged", f"the store {path} is damaged: its format record cannot be read", hint="restore a backup"
            ) from error
        _check_keys(engine, sealer.keyring, path, keyring_path)
        return
    if format_record is None:
        raise StoreRefused(f"the store {path} has lost its format record", hint="restore a backup")
    if format_record.value.get("version") != FORMAT_VERSION:
        raise StoreRefused(
            f"the store {path} was created by another version of Latchkey", hint="upgrade, then start again"
        )


def _check_keys(engine: SqliteKeyValue, keys: Keyring, path: Path, keyring_path: Path) -> None:
    needed = needed_ids(key_use(engine, SEALED_TABLES))
    error = KeysMissing(path, keyring_path, missing=sorted(needed - set(keys.key_ids)), present=keys.key_ids)
    if not needed & set(keys.key_ids):
        raise error
    logger.warning("%s; records under the other keys are served", error)
