"""The database file itself: identify it, copy it online, checkpoint it, hash it.

Invariant: a copy is made by SQLite in one step, beside the writers: it holds
everything committed before the call and no partial transaction. Copying the file
with other tools misses what is still in the -wal.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from latchkey.errors import StoreRefused, StoreUnavailable
from latchkey.storage.engine.pragmas import APPLICATION_ID, BUSY_TIMEOUT, explain
from latchkey.storage.engine.private_files import PRIVATE_FILE, give_to_owner_of

SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")
"""SQLite keeps files beside a database, named like it with one of these suffixes."""
COPY_LOCK_TIMEOUT = 30.0
"""Seconds that a copy waits for another process that has the whole file locked."""

_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_OFFSET = 68  # https://www.sqlite.org/fileformat2.html, "The Database Header"


def side_files(path: Path) -> list[Path]:
    """Return the names of the files that SQLite may keep beside this database, in the order of SIDE_FILE_SUFFIXES."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILE_SUFFIXES]


def wal_file(path: Path) -> Path:
    """Return the name of the database's write-ahead log."""
    return side_files(path)[0]


def check_is_store(path: Path) -> None:
    """Raise StoreRefused if the file is not one of our stores; reads only its first bytes."""
    header = _header(path)
    if not header:
        raise StoreRefused(f"the store {path} is empty (zero bytes)", hint="restore a backup over it")
    if not header.startswith(_MAGIC):
        raise StoreRefused(f"the store {path} is not an SQLite database", hint="check the path, or restore a backup")
    if is_foreign(path):
        raise StoreRefused(f"the store {path} is another program's database", hint="check [storage] path")


def is_foreign(path: Path) -> bool:
    """Whether this is an SQLite database that another program has created."""
    header = _header(path)
    application_id = int.from_bytes(header[_APPLICATION_ID_OFFSET : _APPLICATION_ID_OFFSET + 4], "big")
    return header.startswith(_MAGIC) and application_id != APPLICATION_ID


def copy_store(source: Path, target: Path) -> None:
    """Copy a store, beside its writers, to a new private file with nothing beside it; on disk when the call returns.

    Raises StoreUnavailable or OSError, and then leaves the incomplete copy.
    """
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        give_to_owner_of(target.parent, descriptor)
        with closing(_connect(source)) as reader, closing(_connect(target)) as writer:
            # Nothing reads the copy yet, and it is synced as a whole below.
            writer.execute("PRAGMA synchronous=OFF")
            reader.backup(writer, pages=-1, progress=_lock_timeout(source), sleep=0.1)
            writer.execute("PRAGMA journal_mode=DELETE").fetchall()
        os.fsync(descriptor)
    except sqlite3.Error as error:
        reason, explanation = explain(error)
        raise StoreUnavailable(reason, f"the store {source} cannot be copied to {target}: {explanation}") from error
    finally:
        os.close(descriptor)


def leave_wal_mode(path: Path) -> bool:
    """Checkpoint and leave WAL mode, so that the store is a single file; False if it is too damaged.

    Raises StoreRefused if any process has it open, whether or not it is one of ours.
    """
    if not _header(path).startswith(_MAGIC):
        return False  # SQLite would delete a -wal beside such a file
    try:
        with closing(_connect(path)) as connection:
            # This needs an exclusive lock, so it fails while any other connection is open.
            [mode] = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
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


def _header(path: Path) -> bytes:
    if not path.exists():
        raise StoreRefused(f"there is no store {path}", hint="check --config and [storage] path")
    if not path.is_file():
        raise StoreRefused(f"the store {path} is not a regular file")
    with open(path, "rb") as file:
        return file.read(100)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT
    )
    with suppress(sqlite3.Error):  # the caller's own statement reports what is wrong with the file
        connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _lock_timeout(path: Path) -> Callable[[int, int, int], None]:
    """Return a progress function for `Connection.backup`, which by itself waits for a lock without limit."""
    deadline = time.monotonic() + COPY_LOCK_TIMEOUT

    def check(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise StoreUnavailable("locked", f"the store {path} cannot be copied: another process holds its lock")

    return check
