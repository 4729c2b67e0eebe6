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
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.sqlite.connection.opened_file import OpenedFile
from latchkey.storage.engine.sqlite.connection.write_lock import WriteLock
from latchkey.storage.engine.sqlite.pragmas import BULK, BUSY_TIMEOUT_PRAGMA, CHECKPOINT_TIMEOUT_MS, NORMAL, set_all

CONNECTION_TIMEOUT = 0.8
"""Seconds that a call waits for the connection.

After that it waits for the lock between our processes (WRITE_LOCK_TIMEOUT), and then SQLite waits for other programs
(BUSY_TIMEOUT). Together they leave time to respond within Slack's 3 s.
"""


class GuardedConnection:
    """One SQLite connection, used by one caller at a time."""

    def __init__(
        self,
        path: Path,
        *,
        write_lock: WriteLock | None = None,
        timeout: float = CONNECTION_TIMEOUT,
        read_only: bool = False,
    ) -> None:
        """Only a connection with a `write_lock`, which it closes with itself, may write to a file that processes share.

        With `read_only`, nothing is written to the file or created beside it.
        """
        self._write_lock = write_lock
        self._read_only = read_only
        self._timeout = timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._file = OpenedFile(path, read_only=read_only)
        try:
            self._file.open()
        except BaseException:
            self.close()
            raise

    @property
    def damage(self) -> str | None:
        """The message of the first damaged page that was found, if any."""
        return self._file.damage

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
                self._file.check()
            with self._write_lock or nullcontext(), self._file.errors():
                yield self._file.current or self._file.connect()
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
                if connection is self._file.current:  # an error may have closed it
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
            with self._file.errors():
                version = self._file.connect().execute("PRAGMA data_version").fetchone()[0]
            return self._file.times_connected, version
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close; the last connection to close checkpoints the -wal. Closing twice is harmless."""
        self._closed = True
        if self._pid == os.getpid() and self._lock.acquire(timeout=self._timeout):
            try:
                self._file.disconnect()
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
                self._file.roll_back(connection)

    def _check_alive(self) -> None:
        if self._closed:
            raise StoreUnavailable("closed", "the store is closed")
        if os.getpid() != self._pid:
            # SQLite's locks do not survive a fork; using the connection would corrupt the file.
            raise StoreUnavailable("forked", "the store was opened by this process's parent")
