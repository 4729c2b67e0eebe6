"""A store's file as a file: whose it is, copied while others write to it, brought to rest, hashed.

Rule: a copy is SQLite's own, made in one step beside the writers: it has all
that was committed before the call, and nothing by halves. A plain copy of the
file misses what stands in the -wal.
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
from latchkey.storage.engine.pragmas import APPLICATION_ID, BUSY_SECONDS, explain
from latchkey.storage.engine.private_files import PRIVATE_FILE, give_to_owner_of

ENDS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database: its name with one of these behind it."""
PATIENCE_SECONDS = 30.0
"""How long a copy waits for another process that holds the whole file locked."""

_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_OFFSET = 68  # https://www.sqlite.org/fileformat2.html, "The Database Header"


def companions(path: Path) -> list[Path]:
    """Return the names of what SQLite may keep beside this file."""
    return [path.with_name(path.name + end) for end in ENDS]


def check_is_store(path: Path) -> None:
    """Raise StoreRefused for what is not a store of ours; reads the file's first bytes alone."""
    header = _header(path)
    if not header:
        raise StoreRefused(f"the store {path} is empty (zero bytes)", hint="restore a backup over it")
    if not header.startswith(_MAGIC):
        raise StoreRefused(f"the store {path} is not an SQLite database", hint="check the path, or restore a backup")
    if is_foreign(path):
        raise StoreRefused(f"the store {path} is a database of another program", hint="check [storage] path")


def is_foreign(path: Path) -> bool:
    """Whether this is a sound database that another program has made."""
    header = _header(path)
    marked = int.from_bytes(header[_APPLICATION_ID_OFFSET : _APPLICATION_ID_OFFSET + 4], "big")
    return header.startswith(_MAGIC) and marked != APPLICATION_ID


def copy_store(source: Path, target: Path) -> None:
    """Copy a store, beside its writers, to a new private file that stands by itself; on disk when the call returns.

    Raises StoreUnavailable or OSError; what has been copied until then stays.
    """
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        give_to_owner_of(target.parent, descriptor)
        with closing(_connect(source)) as reader, closing(_connect(target)) as writer:
            # The copy has no readers yet, and is put on disk as a whole below.
            writer.execute("PRAGMA synchronous=OFF")
            reader.backup(writer, pages=-1, progress=_patience(source), sleep=0.1)
            writer.execute("PRAGMA journal_mode=DELETE").fetchall()
        os.fsync(descriptor)
    except sqlite3.Error as error:
        reason, explanation = explain(error)
        raise StoreUnavailable(reason, f"the store {source} cannot be copied to {target}: {explanation}") from error
    finally:
        os.close(descriptor)


def bring_to_rest(path: Path) -> bool:
    """Put all of a store into its one file, with nothing beside it; False where it is too damaged for that.

    Raises StoreRefused where a process has it open, be it one that is none of ours.
    """
    if not _header(path).startswith(_MAGIC):
        return False  # SQLite would throw away a -wal that it finds beside such a file
    try:
        with closing(_connect(path)) as connection:
            # Leaving WAL takes the file for this connection alone, so it fails while any other one is open.
            [mode] = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.Error as error:
        if explain(error)[0] != "locked":
            return False
        raise StoreRefused(
            f"the store {path} is open in another process", hint="stop it first; `fuser` or `lsof` tells which it is"
        ) from None
    return mode == "delete" and not any(companion.exists() for companion in companions(path))


def sha256_of(path: Path) -> str:
    """Return the file's hash in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_store(path: Path) -> None:
    """Delete a store's file, where there is one, and all that SQLite has beside it."""
    for leftover in (path, *companions(path)):
        leftover.unlink(missing_ok=True)


def _header(path: Path) -> bytes:
    if not path.exists():
        raise StoreRefused(f"there is no store {path}", hint="check --config and [storage] path")
    if not path.is_file():
        raise StoreRefused(f"the store {path} is not a regular file")
    with open(path, "rb") as file:
        return file.read(100)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS
    )
    with suppress(sqlite3.Error):  # what is wrong with the file is told by the statement that needs it
        connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _patience(path: Path) -> Callable[[int, int, int], None]:
    """Return a progress function for `Connection.backup`, which by itself waits for a lock without end."""
    deadline = time.monotonic() + PATIENCE_SECONDS

    def look(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise StoreUnavailable("locked", f"the store {path} cannot be copied: another process holds its lock")

    return look
