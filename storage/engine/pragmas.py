"""How SQLite opens our file: its settings, two ways to begin a transaction, and what its errors mean.

Rule: what is acknowledged is on disk, what is deleted is overwritten, and a
planted schema runs nothing; the settings that see to it stand here, each with
its reason.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

BUSY_SECONDS = 1.2
"""How long SQLite waits for another process's lock. Both together stay under Slack's 3 s with room for the answer."""

APPLICATION_ID = 0x4C4B4559
"""SQLite's `application_id` of our files ("LKEY"), by which a foreign database is known."""

PATIENT = f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # An acknowledged write survives a power cut; NORMAL may lose the last ones.
    "PRAGMA synchronous=FULL",
    PATIENT,
    # Deleted ciphertext is overwritten with zeros, not merely unlinked.
    "PRAGMA secure_delete=ON",
    # A schema planted in the file must not run functions of ours.
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    # KiB of pages that each of two connections keeps. The system's own cache is a read away, and bots are in ours.
    "PRAGMA cache_size=-512",
    # Bytes to which the -wal is cut back after a checkpoint.
    "PRAGMA journal_size_limit=8388608",
)
HASTY = ("PRAGMA synchronous=NORMAL", "PRAGMA wal_autocheckpoint=500", "PRAGMA busy_timeout=0")
UNHURRIED = ("PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=1000", PATIENT)
EAGER_SECONDS = 0.0002
"""How often a hasty transaction asks for the lock; SQLite waits for 1 ms, then 2, 5, 10: longer than it is held."""
CHECKPOINT_MILLISECONDS = 100

_PRAGMAS_TO_READ = (
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
)

_REASONS = {
    sqlite3.SQLITE_BUSY: ("locked", "another process holds its lock"),
    sqlite3.SQLITE_LOCKED: ("locked", "another process holds its lock"),
    sqlite3.SQLITE_FULL: ("full", "the disk is full"),
    sqlite3.SQLITE_READONLY: ("read-only", "it is read-only"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "a page of it is damaged"),
    sqlite3.SQLITE_NOTADB: ("damaged", "it is not a database any more"),
    sqlite3.SQLITE_IOERR: ("io", "the disk reported an error"),
    sqlite3.SQLITE_CANTOPEN: ("missing", "a file of it cannot be opened"),
}


def explain(error: Exception) -> tuple[str, str]:
    """Return what an error of SQLite means: a word for `StoreUnavailable.reason`, and what is said of it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _REASONS.get(code, ("failed", f"SQLite reported {type(error).__name__}"))


def connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a store that has vanished is an error, never a new empty file.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        set_all(connection, _PRAGMAS)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    # Without a -wal nobody writes, and `immutable` keeps SQLite from making one only to read.
    still = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{still}", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in _PRAGMAS_TO_READ:
            connection.execute(pragma).fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")


def begin_eagerly(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            begin(connection)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(EAGER_SECONDS)


def set_all(connection: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()
