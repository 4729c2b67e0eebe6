"""SQLite's settings for our file, each with its reason, and the meaning of SQLite's errors.

Invariant: an acknowledged write is on disk, deleted content is overwritten, and
a schema planted in the file runs no code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

BUSY_TIMEOUT = 0.5
"""Seconds that SQLite waits for another program's lock; our own processes wait for the write lock before that."""
CHECKPOINT_TIMEOUT_MS = 100

APPLICATION_ID = 0x4C4B4559
"""SQLite's `application_id` of our files ("LKEY"), which distinguishes them from other programs' databases."""

BUSY_TIMEOUT_PRAGMA = f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # An acknowledged write survives a power cut; NORMAL may lose the last ones.
    "PRAGMA synchronous=FULL",
    BUSY_TIMEOUT_PRAGMA,
    # Deleted ciphertext is overwritten with zeros, not only unlinked.
    "PRAGMA secure_delete=ON",
    # A schema planted in the file must not call our functions.
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    # KiB of pages per connection, of which there are two. The kernel caches the file, and `TokenCache` caches tokens.
    "PRAGMA cache_size=-512",
    # Bytes to which the -wal is truncated after a checkpoint.
    "PRAGMA journal_size_limit=8388608",
)
_READ_ONLY_PRAGMAS = (BUSY_TIMEOUT_PRAGMA, "PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON")
BULK = ("PRAGMA synchronous=NORMAL", "PRAGMA wal_autocheckpoint=500")
"""For bulk transactions: short, frequent, and made durable by one checkpoint at the end."""
NORMAL = ("PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=1000")
"""What the settings of BULK are otherwise."""

_REASONS = {
    sqlite3.SQLITE_BUSY: ("locked", "another process holds its lock"),
    sqlite3.SQLITE_LOCKED: ("locked", "another process holds its lock"),
    sqlite3.SQLITE_FULL: ("full", "the disk is full"),
    sqlite3.SQLITE_READONLY: ("read-only", "it is read-only"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "a page of it is damaged"),
    sqlite3.SQLITE_NOTADB: ("damaged", "it is no longer a database"),
    sqlite3.SQLITE_IOERR: ("io", "the disk reported an error"),
    sqlite3.SQLITE_CANTOPEN: ("missing", "one of its files cannot be opened"),
}


def explain(error: Exception) -> tuple[str, str]:
    """Return what an error of SQLite means: a word for `StoreUnavailable.reason`, and a clause for its message."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # the -shm file cannot be enlarged
        code = sqlite3.SQLITE_FULL
    return _REASONS.get(code & 0xFF, ("failed", f"SQLite reported {type(error).__name__}"))


def connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a missing store is an error, never a new empty file.
    return _connect(path, "mode=rw", _PRAGMAS)


def connect_read_only(path: Path, *, immutable: bool) -> sqlite3.Connection:
    """Connect without writing; `immutable`, for a file that nothing writes to, keeps SQLite from creating a -wal."""
    return _connect(path, "mode=ro&immutable=1" if immutable else "mode=ro", _READ_ONLY_PRAGMAS)


def set_all(connection: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()


def _connect(path: Path, query: str, pragmas: Sequence[str]) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{query}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        set_all(connection, pragmas)
    except BaseException:
        connection.close()
        raise
    return connection
