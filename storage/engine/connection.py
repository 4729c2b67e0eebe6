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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.pragmas import (
    CHECKPOINT_MILLISECONDS,
    HASTY,
    PATIENT,
    UNHURRIED,
    begin,
    begin_eagerly,
    connect,
    connect_to_read,
    explain,
    set_all,
)

LOCK_SECONDS = 0.8
"""How long a call waits for its turn on the connection, before SQLite waits for another process's lock."""
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
        with self.cursor() as connection, self._begun(connection, begin):
            yield connection

    @contextmanager
    def hasty_transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for a transaction that a power cut may undo, whole, until `checkpoint` has returned True.

        It does not hold the write lock while the disk works, and cuts the -wal back so soon that
        another process's commit seldom has to.
        """
        with self.cursor() as connection:
            set_all(connection, HASTY)
            try:
                with self._begun(connection, begin_eagerly):
                    yield connection
            finally:
                if connection is self._connection:  # it may not have survived an error
                    set_all(connection, UNHURRIED)

    def checkpoint(self) -> bool:
        """Put all that was committed into the file, on disk, and empty the -wal; False where a reader is in the way.

        It keeps writers out while it waits for readers, so it waits a moment alone and is tried again.
        """
        with self.cursor() as connection:
            connection.execute(f"PRAGMA busy_timeout={CHECKPOINT_MILLISECONDS}")
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(PATIENT)
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
        return connect_to_read(self._path) if self._read_only else connect(self._path)

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


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
