"""Opens a store and its keyring, or refuses to, in a file or in a database."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeAlias

from latchkey.storage.backup import Backup, make_backup
from latchkey.storage.copying import check_marks, forget_move
from latchkey.storage.opening import database_store, file_store
from latchkey.storage.opening.preconditions import check_files
from latchkey.storage.records import Records
from latchkey.storage.rotation import ProgressCallback
from latchkey.storage.store import CommandStore, OpenedEngine, Store

StrPath: TypeAlias = str | os.PathLike[str]


MAX_CONNECTIONS = 10


class SecretUrl(Protocol):
    """The URL of a PostgreSQL database, which may contain a password."""

    def reveal(self) -> str: ...


StoreLocation: TypeAlias = StrPath | SecretUrl
"""A file for SQLite, or a database."""


def open_store(
    location: StoreLocation,
    keyring: StrPath,
    *,
    new_store: bool = False,
    must_exist: bool = False,
    server_address: str | None = None,
    connections: int = MAX_CONNECTIONS,
    force: bool = False,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Return the store at `location`, encrypted with the keys in the file `keyring`.

    Creates both if neither exists, unless `must_exist`. With `new_store`, creates an empty store beside an existing
    keyring. `server_address` is given by a server, which runs the store's events, and of which a file
    can have only one; it is shown to others that try to start. `connections` is the largest number of connections to a
    database. With `force`, a server runs also on a store that was copied elsewhere. `clock` gives Unix seconds. Raises
    StoreRefused, KeyringError or StoreUnavailable; if the file of one of the two is the reason,
    nothing was created.
    """
    keyring_path = Path(keyring)
    with ExitStack() as undo:
        if isinstance(location, (str, os.PathLike)):
            path = Path(location)
            if must_exist:
                file_store.require_store(path)
            opened = file_store.open_or_create(
                path, keyring_path, undo, new_store=new_store, server_address=server_address, clock=clock
            )
        else:
            opened = database_store.open_or_create(
                location.reveal(),
                keyring_path,
                undo,
                new_store=new_store,
                must_exist=must_exist,
                server_address=server_address,
                connections=connections,
                clock=clock,
            )
        if server_address is not None:
            _check_marks(opened, location, force=force)
        undo.pop_all()
        return Store(opened, clock)


def open_for_command(location: StoreLocation, keyring: StrPath) -> CommandStore:
    """Return an existing store for a command: blocking calls only, and no threads of its own.

    Raises StoreRefused, KeyringError or StoreUnavailable.
    """
    keyring_path = Path(keyring)
    with ExitStack() as undo:
        if isinstance(location, (str, os.PathLike)):
            path = Path(location)
            file_store.require_store(path)
            opened = file_store.open_existing(path, keyring_path, undo)
        else:
            opened = database_store.open_existing(location.reveal(), keyring_path, undo)
        undo.pop_all()
        return CommandStore(opened)


def migrate_database(location: SecretUrl) -> list[str]:
    """Apply what the database's schema lacks; returns the names. Raises StoreRefused or StoreUnavailable."""
    return database_store.migrate_schema(location.reveal())


def back_up(
    location: StoreLocation, keyring: StrPath, folder: Path, *, made_by: str, progress: ProgressCallback
) -> Backup:
    """Make a backup of the store in a new folder in `folder`, and return it; see `make_backup`."""
    if isinstance(location, (str, os.PathLike)):
        return make_backup(Path(location), Path(keyring), folder, made_by=made_by, progress=progress)
    return database_store.back_up(location.reveal(), Path(keyring), folder, made_by=made_by, progress=progress)


def _check_marks(opened: OpenedEngine, location: StoreLocation, *, force: bool) -> None:
    records = Records(opened.engine, opened.sealer)
    if force:
        forget_move(records)
    check_marks(records, location if isinstance(location, (str, os.PathLike)) else "in the database")


def check_location(location: StoreLocation, keyring: StrPath, *, new_store: bool = False) -> None:
    """Check what a start checks before it creates or opens anything; changes nothing.

    Raises StoreRefused, KeyringError or StoreUnavailable.
    """
    if isinstance(location, (str, os.PathLike)):
        check_files(Path(location), Path(keyring), new_store=new_store)
    else:
        database_store.check_database(location.reveal(), Path(keyring), new_store=new_store)
