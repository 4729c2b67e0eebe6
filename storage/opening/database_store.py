"""Opens or creates a store in a PostgreSQL database.

Invariant: as for a file, an empty store is never created silently, and a new key never beside existing records.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from latchkey import __version__
from latchkey.errors import KeyringError, StoreRefused
from latchkey.storage.backup import Backup, make_database_backup
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer, generate_key
from latchkey.storage.engine import KeyValue, Presence, refuse_unsafe_modes
from latchkey.storage.opening.format_record import FORMAT_VALUE, check_format
from latchkey.storage.opening.keyring_creation import create_new_keyring
from latchkey.storage.opening.preconditions import refuse_uncreatable
from latchkey.storage.records import Records
from latchkey.storage.rotation import ProgressCallback
from latchkey.storage.store import OpenedEngine
from latchkey.storage.tables import BOTS, FORMAT, INSTALLATIONS, META, REPLAYS, TABLES, WORKSPACES

if TYPE_CHECKING:
    from latchkey.storage.engine.postgresql import DatabaseUrl

UNFINISHED = "unfinished"
"""The meta record of a store whose keyring is being created: a first start that was interrupted then continues."""
COMMAND_CONNECTIONS = 2
CACHED = (INSTALLATIONS, BOTS, WORKSPACES)
"""The tables that other processes cache."""

logger = logging.getLogger("latchkey.storage")


def open_or_create(
    url_text: str,
    keyring_path: Path,
    undo: ExitStack,
    *,
    new_store: bool,
    must_exist: bool,
    server_address: str | None,
    connections: int,
    clock: Callable[[], float],
) -> OpenedEngine:
    """Return the engine, which `undo` closes. Raises StoreRefused, KeyringError or StoreUnavailable."""
    url = _database_url(url_text)
    from latchkey.storage.engine.postgresql import migrate

    if not must_exist:
        migrate(url)
    return _open(
        url,
        keyring_path,
        undo,
        lambda engine, presence: _prepare(
            engine, presence, url, keyring_path, new_store=new_store, must_exist=must_exist, clock=clock
        ),
        server_address,
        connections,
    )


def open_existing(url_text: str, keyring_path: Path, undo: ExitStack) -> OpenedEngine:
    """The same for a store that must exist."""
    url = _database_url(url_text)
    return _open(url, keyring_path, undo, lambda engine, _: _prepare_existing(engine, url, keyring_path))


def migrate_schema(url_text: str) -> list[str]:
    """Apply what the schema lacks; returns the names. Raises StoreRefused or StoreUnavailable."""
    url = _database_url(url_text)
    from latchkey.storage.engine.postgresql import migrate

    return [f"{migration.number:04d}_{migration.name}" for migration in migrate(url)]


def back_up(url_text: str, keyring_path: Path, folder: Path, *, made_by: str, progress: ProgressCallback) -> Backup:
    """Make a backup; see `make_database_backup`."""
    return make_database_backup(_database_url(url_text), keyring_path, folder, made_by=made_by, progress=progress)


def check_database(url_text: str, keyring_path: Path, *, new_store: bool = False) -> None:
    """Check what a start checks, and change nothing. Raises StoreRefused, KeyringError or StoreUnavailable."""
    url = _database_url(url_text)
    from latchkey.storage.engine.postgresql import is_created

    _refuse_unsafe_keyring(keyring_path)
    exists = is_created(url, META, FORMAT)
    if exists or keyring_path.exists():
        KeyringFile(keyring_path)
        if not exists and not new_store and not is_created(url, META, UNFINISHED):
            raise _store_missing(url, keyring_path)
    else:
        refuse_uncreatable(keyring_path, "[storage] keyring")


def _open(
    url: DatabaseUrl,
    keyring_path: Path,
    undo: ExitStack,
    prepare: Callable[[KeyValue, Presence], KeyringFile],
    server_address: str | None = None,
    connections: int = COMMAND_CONNECTIONS,
) -> OpenedEngine:
    from latchkey.storage.engine.postgresql import PostgresqlKeyValue, RowPresence, pending_migrations

    _refuse_unsafe_keyring(keyring_path)
    if pending_migrations(url):
        raise StoreRefused(
            f"there is no store in {url}, or its schema must be upgraded",
            hint="start the server once, or run `latchkey storage migrate`",
        )
    presence = RowPresence(url, __version__, server_address=server_address)
    undo.callback(presence.close)
    engine = PostgresqlKeyValue(url, TABLES, presence, connections=connections, cached=CACHED, taken=[REPLAYS])
    undo.callback(engine.close)
    keyring_file = prepare(engine, presence)
    sealer = Sealer(_led_by_primary_key(keyring_file, presence))
    check_format(engine, sealer, url, keyring_file.path)
    return OpenedEngine(keyring_file, engine, sealer, presence)


def _led_by_primary_key(file: KeyringFile, presence: Presence) -> Keyring:
    """Return the keys with the store's primary key first. Raises KeyringError."""
    primary = presence.primary_key()
    if primary is None:
        presence.set_primary_key(file.keyring.primary_key.key_id)
    elif primary not in file.keyring.key_ids:
        raise KeyringError(
            f"keyring {file.path}: lacks the key {primary}, with which the store's servers encrypt",
            hint="copy the keyring from a machine on which a server runs",
        )
    return file.keyring.led_by(primary)


def _prepare_existing(engine: KeyValue, url: object, keyring_path: Path) -> KeyringFile:
    if engine.get(META, FORMAT) is None:
        raise StoreRefused(
            f"there is no store in {url}",
            hint="check the configuration file and [storage] url; the server creates the store when it first starts",
        )
    return KeyringFile(keyring_path)


def _prepare(
    engine: KeyValue,
    presence: Presence,
    url: object,
    keyring_path: Path,
    *,
    new_store: bool,
    must_exist: bool,
    clock: Callable[[], float],
) -> KeyringFile:
    """Create what may be created, and return the keyring."""
    if must_exist or engine.get(META, FORMAT) is not None:
        return _prepare_existing(engine, url, keyring_path)
    with presence.maintenance():  # of two servers that start at once, one creates the store
        if not keyring_path.exists():
            return _create_both(engine, url, keyring_path, clock)
        file = KeyringFile(keyring_path)
        if not new_store and engine.get(META, UNFINISHED) is None:
            raise _store_missing(url, keyring_path)
        _finish(Records(engine, Sealer(file.keyring)), url)
        return file


def _create_both(engine: KeyValue, url: object, keyring_path: Path, clock: Callable[[], float]) -> KeyringFile:
    """Mark the store as unfinished, create the keyring, then finish the store."""
    refuse_uncreatable(keyring_path, "[storage] keyring")
    keys = Keyring((generate_key(),))
    records = Records(engine, Sealer(keys))
    records.commit([records.put(META, UNFINISHED, FORMAT_VALUE)])
    file = create_new_keyring(keyring_path, keys, clock())
    _finish(records, url)
    return file


def _finish(records: Records, url: object) -> None:
    records.commit([records.put(META, FORMAT, FORMAT_VALUE), records.discard(META, UNFINISHED)])
    logger.info("a new, empty store was created in %s", url)


def _store_missing(url: object, keyring_path: Path) -> StoreRefused:
    return StoreRefused(
        f"the store in {url} is missing, but its keyring {keyring_path} exists",
        hint="restore the store; to create an empty one with these keys, start once with --new-store",
    )


def _refuse_unsafe_keyring(keyring_path: Path) -> None:
    if keyring_path.exists():
        refuse_unsafe_modes([], [keyring_path.resolve().parent])


def _database_url(text: str) -> DatabaseUrl:
    try:
        from latchkey.storage.engine.postgresql import DatabaseUrl
    except ImportError as error:
        raise StoreRefused(
            f"the store is in PostgreSQL, and the package {error.name} is not installed",
            hint='`./latchkey config check` installs it; without a checkout: pip install "latchkey[postgresql]"',
        ) from None
    return DatabaseUrl(text)
