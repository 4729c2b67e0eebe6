"""Opening a store and its keyring, or refusing to.

Rule: never an empty store in silence, and never a new key beside old records.
Both files are made where neither exists; where one of them is missing, foreign
or does not fit the other, the message says which and what to do.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from latchkey.errors import StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage.backup import clear_interrupted, copy_path
from latchkey.storage.crypto import Keyring, Sealer, create_keyring, generate_key, read_keyring
from latchkey.storage.engine import (
    APPLICATION_ID,
    PRIVATE_FILE,
    OpenMark,
    SqliteKeyValue,
    check_is_store,
    check_modes,
    create_private_folder,
    publish,
    remove_store,
)
from latchkey.storage.records import Records
from latchkey.storage.rotation import key_use, needed_ids
from latchkey.storage.store import Store
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, SEALED_TABLES, TABLES

logger = logging.getLogger("latchkey.storage")


def open_store(
    path: str | os.PathLike[str],
    keyring: str | os.PathLike[str],
    *,
    new_store: bool = False,
    create: bool = True,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Return the open store at `path`, sealed under the keys in the file `keyring`.

    Makes both where neither exists, unless `create` is false. With `new_store`, an empty store is made
    beside a keyring that exists already. `clock` gives Unix seconds.

    Raises StoreRefused, KeyringError or StoreUnavailable.
    """
    store_path, keyring_path = Path(path), Path(keyring)
    if not create and not store_path.exists() and not copy_path(store_path).exists():
        raise StoreRefused(
            f"there is no store {store_path}",
            hint="check --config and [storage] path; the server makes the store at its first start",
        )
    with ExitStack() as undo:
        try:
            mark = OpenMark(store_path)
            undo.callback(mark.close)
            keys = _prepare(store_path, keyring_path, new_store, clock)
            mark.tell(keys.key_ids)
            engine = SqliteKeyValue(store_path, TABLES)
            undo.callback(engine.close)
        except OSError as error:
            raise StoreRefused(f"{error.filename or store_path}: {error.strerror}") from None
        sealer = Sealer(keys)
        _check_keys(engine, Records(engine, sealer), keys, store_path, keyring_path)
        undo.pop_all()
        return Store(store_path, keyring_path, engine, sealer, mark, clock)


def _prepare(path: Path, keyring_path: Path, new_store: bool, clock: Callable[[], float]) -> Keyring:
    """Check what is there, make what may be made, and return the keyring."""
    unfinished = path.with_name(path.name + ".new")
    if path.exists():
        _check_file(path)
    check_modes(path, keyring_path)
    if path.exists():
        keys = read_keyring(keyring_path)
        remove_store(unfinished)
        clear_interrupted(path)
    elif copy_path(path).exists():
        raise StoreRefused(
            f"the store {path} is missing, since a restore was interrupted", hint="run `latchkey restore` again"
        )
    elif not keyring_path.exists():
        keys = _make_both(path, unfinished, keyring_path, clock)
    else:
        keys = read_keyring(keyring_path)
        # An unfinished file beside a keyring is a first start that was interrupted between the two.
        if not new_store and not unfinished.exists():
            raise StoreRefused(
                f"the store {path} is missing, and its keyring {keyring_path} is there",
                hint="mount or restore the store; to begin an empty one with these keys, start once with --new-store",
            )
        _create_unfinished(unfinished, Sealer(keys))
        _finish(unfinished, path)
    return keys


def _make_both(path: Path, unfinished: Path, keyring_path: Path, clock: Callable[[], float]) -> Keyring:
    """Make the store, then the keyring, then give the store its name: wherever this stops, the next start goes on."""
    keys = Keyring((generate_key(),))
    _create_unfinished(unfinished, Sealer(keys))
    create_keyring(keyring_path, keys, clock())
    logger.warning(
        "a new encryption key was made in %s: back it up now, apart from the store; without it no token can be read",
        keyring_path,
    )
    _finish(unfinished, path)
    return keys


def _check_file(path: Path) -> None:
    """Refuse what is not a store of ours, before SQLite writes anything to it."""
    check_is_store(path)
    if not os.access(path, os.W_OK) or not path.stat().st_mode & 0o200:
        raise StoreRefused(f"the store {path} is read-only", hint="chmod u+w, or chown it to the server's user")


def _create_unfinished(unfinished: Path, sealer: Sealer) -> None:
    """Make a complete, closed store under a name that nobody opens."""
    create_private_folder(unfinished.parent)
    remove_store(unfinished)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    with closing(SqliteKeyValue(unfinished, TABLES)) as engine:
        records = Records(engine, sealer)
        records.commit([records.put(META, FORMAT, {"version": FORMAT_VERSION})])


def _finish(unfinished: Path, path: Path) -> None:
    publish(unfinished, path)
    logger.info("a new, empty store was made at %s", path)


def _check_keys(engine: SqliteKeyValue, records: Records, keys: Keyring, path: Path, keyring_path: Path) -> None:
    """Refuse a keyring that opens nothing; where it opens some, say what is missing and go on."""
    try:
        format_record = records.read(META, FORMAT)
    except UnreadableRecord:
        _explain_keys(engine, keys, path, keyring_path)
        return
    if format_record is None:
        raise StoreRefused(f"the store {path} has lost its format record", hint="restore a backup")
    if format_record.value.get("version") != FORMAT_VERSION:
        raise StoreRefused(
            f"the store {path} was made by another version of Latchkey", hint="upgrade, then start again"
        )


def _explain_keys(engine: SqliteKeyValue, keys: Keyring, path: Path, keyring_path: Path) -> None:
    needed = needed_ids(key_use(engine, SEALED_TABLES))
    missing = sorted(needed - set(keys.key_ids))
    message = (
        f"the store {path} needs the key ids {', '.join(missing) or 'of no record'}, which {keyring_path} lacks"
        f" (it has {', '.join(keys.key_ids)})"
    )
    if not needed & set(keys.key_ids):
        raise StoreRefused(
            message,
            hint="put the missing keys back from the keyring's copy, or restore a backup that needs the keys that are"
            " here; nothing was changed",
        )
    if not missing:
        raise StoreUnavailable("damaged", f"the store {path}: its format record was changed", hint="restore a backup")
    logger.warning("%s; what the other keys sealed is served", message)
