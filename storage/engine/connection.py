"""A SQLite connection with timeouts, in place of sqlitedict's worker thread.

Invariant: a call ends within its timeout, with a result or a typed error.
sqlitedict runs its connection in a thread of its own and waits for it without a
limit: if a commit fails or a page is damaged, the thread dies and every caller
hangs. Here a statement runs in the caller's thread, under a lock with a timeout,
and its error reaches the call that caused it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.database_file import wal_file
from latchkey.storage.engine.pragmas import (
    BULK,
    BUSY_TIMEOUT_PRAGMA,
    CHECKPOINT_TIMEOUT_MS,
    NORMAL,
    connect,
    connect_read_only,
    explain,
    set_all,
)
from latchkey.storage.engine.write_lock import WriteLock

CONNECTION_TIMEOUT = 0.8
"""Seconds that a call waits for the connection.

After that it waits for the lock between our processes (WRITE_LOCK_TIMEOUT), and then SQLite waits for other programs
(BUSY_TIMEOUT). Together they leave time to respond within Slack's 3 s.
"""
_RECONNECT_AFTER = frozenset({"damaged", "io", "missing", "read-only"})


class GuardedConnection:
    """One SQLite connection, used by one caller at a time.

    `damage` keeps the message of the first damaged page: a later read may miss that page and
    succeed.
    """

    def __init__(
        self,
        path: Path,
        *,
        write_lock: WriteLock | None = None,
        timeout: float = CONNECTION_TIMEOUT,
        read_only: bool = False,
    ) -> None:
        """Only a connection with a `write_lock`, which it closes with itself, may write.

        With `read_only`, nothing is written to the file or created beside it.
        """
        self.damage: str | None = None
        self._path = path
        self._write_lock = write_lock
        self._read_only = read_only
        self._timeout = timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._times_opened = 0
        try:
            self._identity = _identity(os.stat(path))
            with self._errors():
                self._connection = self._connect()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def cursor(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to one caller; each of its statements commits by itself.

        Raises StoreUnavailable if the connection stays busy, if the path names another file than the
        one that was opened, or if SQLite reports an error.
        """
        self._check_alive()
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreUnavailable("timeout", "the store did not answer in time")
        try:
            self._check_alive()
            if not self._read_only:
                self._check_file()
            with self._write_lock or nullcontext(), self._errors():
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for one transaction: committed at the end, rolled back on any exception.

        The caller may roll it back; nothing is committed then.
        """
        with self.cursor() as connection, self._begun(connection):
            yield connection

    @contextmanager
    def bulk_transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for a transaction that a power cut may undo as a whole until `checkpoint` returned True.

        The disk is not synced at each commit, and the -wal is checkpointed early enough that other
        processes' commits seldom have to.
        """
        with self.cursor() as connection:
            set_all(connection, BULK)
            try:
                with self._begun(connection):
                    yield connection
            finally:
                if connection is self._connection:  # an error may have closed it
                    set_all(connection, NORMAL)

    def checkpoint(self) -> bool:
        """Move everything committed into the database file, and empty the -wal.

        False if a reader or another process's transaction is in the way. It blocks writers while it
        waits for readers, so it waits only briefly; call it again.
        """
        try:
            with self.cursor() as connection:
                connection.execute(f"PRAGMA busy_timeout={CHECKPOINT_TIMEOUT_MS}")
                try:
                    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                finally:
                    connection.execute(BUSY_TIMEOUT_PRAGMA)
                return not busy
        except StoreUnavailable as error:
            if error.reason != "locked":
                raise
            return False

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        with self.cursor() as connection:
            connection.execute(sql, arguments)

    def select(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        with self.cursor() as connection:
            return connection.execute(sql, arguments).fetchall()

    def select_one(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        with self.cursor() as connection:
            return connection.execute(sql, arguments).fetchone()

    def foreign_changes(self) -> tuple[int, int]:
        """Return a value that is another one once any other connection has committed; its own commits don't count.

        It also changes if an error has closed this connection meanwhile. The lock between processes is not needed,
        because nothing is written.
        """
        self._check_alive()
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreUnavailable("timeout", "the store did not answer in time")
        try:
            self._check_alive()
            with self._errors():
                if self._connection is None:
                    self._connection = self._connect()
                version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return self._times_opened, version
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close; the last connection to close checkpoints the -wal. Closing twice is harmless."""
        self._closed = True
        if self._pid == os.getpid() and self._lock.acquire(timeout=self._timeout):
            try:
                self._drop()
                if self._write_lock is not None:
                    self._write_lock.close()
            finally:
                self._lock.release()

    @contextmanager
    def _begun(self, connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
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
            raise StoreUnavailable("forked", "the store was opened by this process's parent")

    def _check_file(self) -> None:
        """Check that the path still names our file: SQLite goes on writing to a moved or deleted one."""
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
        if not status.st_mode & stat.S_IWUSR:
            raise StoreUnavailable("read-only", f"the store {self._path} is read-only")
        if not status.st_size:
            self.damage = "it was truncated"
            raise StoreUnavailable("damaged", f"the store {self._path} was truncated")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert SQLite's errors to ours, and drop a connection that the error may have broken."""
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
        self._times_opened += 1
        if self._read_only:
            # Without a -wal, nothing writes to the file.
            return connect_read_only(self._path, immutable=not wal_file(self._path).exists())
        return connect(self._path)

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
