"""The database file itself: identify it, copy it online, checkpoint it, hash it.

Invariant: a copy is made by SQLite in one step, beside the writers: it holds
everything committed before the call and no partial transaction. Copying the file
with other tools misses what is still in the -wal.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from latchkey.errors import StoreRefused, StoreUnavailable
from latchkey.storage.engine.private_files import PRIVATE_FILE
from latchkey.storage.engine.privileges import acting_as_owner_of
from latchkey.storage.engine.sqlite.pragmas import APPLICATION_ID, BUSY_TIMEOUT, connect_read_only, explain

SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")
"""SQLite keeps files beside a database, named like it with one of these suffixes."""
COPY_LOCK_TIMEOUT = 30.0
"""Seconds that a copy waits for another process that has the whole file locked."""


def side_files(path: Path) -> list[Path]:
    """Return the names of the files that SQLite may keep beside this database, in the order of SIDE_FILE_SUFFIXES."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILE_SUFFIXES]


def wal_file(path: Path) -> Path:
    """Return the name of the database's write-ahead log."""
    return side_files(path)[0]


def check_is_store(path: Path) -> None:
    """Raise StoreRefused if the file is not one of our stores, StoreUnavailable if it is damaged, or OSError."""
    application_id = _application_id(path)
    if application_id is None and not path.stat().st_size:
        raise StoreRefused(f"the store {path} is empty (zero bytes)", hint="restore a backup over it")
    if application_id is None:
        raise StoreRefused(f"the store {path} is not an SQLite database", hint="check the path, or restore a backup")
    if application_id != APPLICATION_ID:
        raise StoreRefused(f"the store {path} is another program's database", hint="check [storage] path")


def is_foreign(path: Path) -> bool:
    """Whether this is an SQLite database that another program has created; False if it is damaged. Raises OSError."""
    with suppress(StoreUnavailable):
        return _application_id(path) not in (None, APPLICATION_ID)
    return False


def create_database(path: Path) -> None:
    """Create an empty, private database of ours. Raises StoreUnavailable or OSError, and then leaves the file."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    try:
        with closing(_connect(path)) as connection:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    except sqlite3.Error as error:
        reason, explanation = explain(error)
        raise StoreUnavailable(reason, f"the store {path} cannot be created: {explanation}") from error


def copy_store(source: Path, target: Path) -> None:
    """Copy a store, beside its writers, to a new private file with nothing beside it; on disk when the call returns.

    Raises StoreUnavailable or OSError, and then leaves the incomplete copy.
    """
    with acting_as_owner_of(target.parent):
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with _snapshot(source) as reader, acting_as_owner_of(target.parent), closing(_connect(target)) as writer:
            # Nothing reads the copy yet, and it is synced as a whole below.
            writer.execute("PRAGMA synchronous=OFF")
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode=DELETE").fetchall()
        os.fsync(descriptor)
    except sqlite3.Error as error:
        reason, explanation = explain(error)
        raise StoreUnavailable(reason, f"the store {source} cannot be copied to {target}: {explanation}") from error
    finally:
        os.close(descriptor)


@contextmanager
def _snapshot(source: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection in a read transaction; it opens and closes its files as the owner of their folder."""
    with acting_as_owner_of(source.parent), closing(_connect(source, timeout=COPY_LOCK_TIMEOUT)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM sqlite_master").fetchall()
        yield reader


def leave_wal_mode(path: Path) -> bool:
    """Checkpoint and leave WAL mode, so that the store is a single file; False if it is too damaged.

    Raises StoreRefused if any process has it open, whether or not it is one of ours.
    """
    try:
        if _application_id(path) is None:
            return False  # SQLite would delete a -wal beside such a file
        with closing(_connect(path)) as connection:
            # This needs an exclusive lock, so it fails while any other connection is open.
            [mode] = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except StoreUnavailable:
        return False
    except sqlite3.Error as error:
        if explain(error)[0] != "locked":
            return False
        raise StoreRefused(
            f"the store {path} is open in another process", hint="stop it first; `fuser` or `lsof` shows which it is"
        ) from None
    return mode == "delete" and not any(file.exists() for file in side_files(path))


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_store(path: Path) -> None:
    """Delete a store's file and SQLite's files beside it, if they exist."""
    for file in (path, *side_files(path)):
        file.unlink(missing_ok=True)


def _application_id(path: Path) -> int | None:
    """Return the application id of a database; None if the file is not an SQLite database.

    SQLite reads the file: if we opened and closed it, all locks of this process's connections on it would be gone
    (https://www.sqlite.org/howtocorrupt.html, "POSIX advisory locks canceled"). Raises StoreRefused,
    StoreUnavailable or OSError.
    """
    if not path.exists():
        raise StoreRefused(f"there is no store {path}", hint="check --config and [storage] path")
    if not path.is_file():
        raise StoreRefused(f"the store {path} is not a regular file")
    if not os.access(path, os.R_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if not path.stat().st_size:
        return None
    try:
        try:
            return _read_application_id(connect_read_only(path, immutable=True))
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT or not wal_file(path).exists():
                raise
            # A checkpoint is writing to it, or a power cut has interrupted one: with its -wal, the file is whole.
            return _read_application_id(_connect(path))
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            return None
        reason, explanation = explain(error)
        hint = "restore a backup" if reason == "damaged" else ""
        raise StoreUnavailable(reason, f"the store {path} cannot be used: {explanation}", hint=hint) from error


def _read_application_id(connection: sqlite3.Connection) -> int:
    with closing(connection):
        return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _connect(path: Path, *, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=timeout)
    with suppress(sqlite3.Error):  # the caller's own statement reports what is wrong with the file
        connection.execute("PRAGMA trusted_schema=OFF")
    return connection
