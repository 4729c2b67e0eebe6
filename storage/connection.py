"""One guarded SQLite connection, standing where sqlitedict has its thread.

Rule: a call ends within its deadline, with a result or a typed error. sqlitedict
runs its connection in a thread of its own and waits for it without a limit: when
a commit fails or a page is damaged, that thread dies and every caller hangs.
Here the statement runs in the caller's thread behind a lock with a time limit,
so no thread can die and an error reaches the call that caused it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from errors import StoreUnavailable

LOCK_SECONDS = 0.8
"""How long a call waits for its turn on the connection."""
BUSY_SECONDS = 1.2
"""How long SQLite waits for another process's lock. Both together stay under Slack's 3 s with room for the answer."""

APPLICATION_ID = 0x4C4B4559
"""SQLite's `application_id` of our files ("LKEY"), by which a foreign database is known."""

_PATIENT = f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # An acknowledged write survives a power cut; NORMAL may lose the last ones.
    "PRAGMA synchronous=FULL",
    _PATIENT,
    # Deleted ciphertext is overwritten with zeros, not merely unlinked.
    "PRAGMA secure_delete=ON",
    # A schema planted in the file must not run functions of ours.
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    # Bytes to which the -wal is cut back after a checkpoint.
    "PRAGMA journal_size_limit=8388608",
)
_HASTY = ("PRAGMA synchronous=NORMAL", "PRAGMA wal_autocheckpoint=500", "PRAGMA busy_timeout=0")
_UNHURRIED = ("PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=1000", _PATIENT)
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
_RECONNECT_AFTER = frozenset({"damaged", "io", "missing", "read-only"})


class GuardedConnection:
    """A SQLite connection with sqlitedict's calls (`execute`, `select`, `select_one`, `commit`, `close`), and guards.

    `damage` keeps the first damaged page's message until the process ends, since the next read may
    miss the damaged page and look sound.
    """

    autocommit = True  # read by SqliteDict.close()

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS, read_only: bool = False) -> None:
        """With `read_only`, nothing is written to the file or made beside it."""
        self.damage: str | None = None
        self._path = path
        self._read_only = read_only
        self._lock_seconds = lock_seconds
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._identity = _identity(os.stat(path))
        with self._errors():
            self._connection = self._connect()

    @contextmanager
    def cursor(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one caller; each statement in it commits by itself.

        Raises StoreUnavailable when the turn does not come in time, when the file is not the one
        that was opened, or when SQLite reports an error.
        """
        self._check_alive()
        if not self._lock.acquire(timeout=self._lock_seconds):
            raise StoreUnavailable("timeout", "the store did not answer in time")
        try:
            self._check_alive()
            self._check_file()
            with self._errors():
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: committed at the end, rolled back on any exception.

        The caller may roll it back itself; then nothing is committed.
        """
        with self.cursor() as connection, self._begun(connection, _begin):
            yield connection

    @contextmanager
    def hasty_transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for a transaction that a power cut may undo, whole, until `checkpoint` has returned True.

        It does not hold the write lock while the disk works, and cuts the -wal back so soon that
        another process's commit seldom has to.
        """
        with self.cursor() as connection:
            _set(connection, _HASTY)
            try:
                with self._begun(connection, _begin_eagerly):
                    yield connection
            finally:
                if connection is self._connection:  # it may not have survived an error
                    _set(connection, _UNHURRIED)

    def checkpoint(self) -> bool:
        """Put all that was committed into the file, on disk, and empty the -wal; False where a reader is in the way.

        It keeps writers out while it waits for readers, so it waits a moment alone and is tried again.
        """
        with self.cursor() as connection:
            connection.execute(f"PRAGMA busy_timeout={CHECKPOINT_MILLISECONDS}")
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(_PATIENT)
            return not busy

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        with self.cursor() as connection:
            connection.execute(sql, arguments)

    def select(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        with self.cursor() as connection:
            return connection.execute(sql, arguments).fetchall()

    def select_one(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        with self.cursor() as connection:
            return connection.execute(sql, arguments).fetchone()

    def commit(self, blocking: bool = True) -> None:
        """Nothing: each statement has committed already. sqlitedict calls it."""

    def close(self, do_log: bool = True, force: bool = False) -> None:
        """Close once; the last connection to close checkpoints the -wal."""
        self._closed = True
        if self._pid == os.getpid() and self._lock.acquire(timeout=self._lock_seconds):
            try:
                self._drop()
            finally:
                self._lock.release()

    @contextmanager
    def _begun(self, connection: sqlite3.Connection, begin: Callable[[sqlite3.Connection], None]) -> Iterator[None]:
        begin(connection)
        try:
            yield
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                self._roll_back(connection)

    def _check_alive(self) -> None:
        if self._closed:
            raise StoreUnavailable("closed", "the store is closed")
        if os.getpid() != self._pid:
            # SQLite's locks do not survive a fork; using the connection would corrupt the file.
            raise StoreUnavailable("forked", "the store was opened by the parent of this process")

    def _check_file(self) -> None:
        """See that writes go to the file that the path names: SQLite itself writes on to a moved or deleted one."""
        try:
            status = os.stat(self._path)
        except OSError:
            raise StoreUnavailable("missing", f"the store {self._path} is gone") from None
        if _identity(status) != self._identity:
            raise StoreUnavailable(
                "replaced",
                f"the store {self._path} is not the file that was opened",
                hint="restart the server to open the new file",
            )
        if not status.st_mode & stat.S_IWUSR and not self._read_only:
            raise StoreUnavailable("read-only", f"the store {self._path} is read-only")
        if not status.st_size:
            self.damage = "it was truncated"
            raise StoreUnavailable("damaged", f"the store {self._path} was truncated")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn SQLite's errors into ours, and forget a connection that may not have survived one."""
        try:
            yield
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            reason, explanation = explain(error)
            if reason == "damaged":
                self.damage = explanation
            if reason in _RECONNECT_AFTER:
                self._drop()
            message = f"the store {self._path} cannot be used: {explanation}"
            raise StoreUnavailable(reason, message, hint="restore a backup" if reason == "damaged" else "") from error

    def _connect(self) -> sqlite3.Connection:
        return _connect_to_read(self._path) if self._read_only else _connect(self._path)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()  # closing rolls back

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def explain(error: Exception) -> tuple[str, str]:
    """Return what an error of SQLite means: a word for `StoreUnavailable.reason`, and what is said of it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _REASONS.get(code, ("failed", f"SQLite reported {type(error).__name__}"))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a store that has vanished is an error, never a new empty file.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        _set(connection, _PRAGMAS)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
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


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")


def _begin_eagerly(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            _begin(connection)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(EAGER_SECONDS)


def _set(connection: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()
