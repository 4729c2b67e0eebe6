"""The file that a connection has open, and the connection itself, which an error may replace by a new one."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.sqlite.database_file import wal_file
from latchkey.storage.engine.sqlite.pragmas import connect, connect_read_only, explain

_RECONNECT_AFTER = frozenset({"damaged", "io", "missing", "read-only"})


class OpenedFile:
    """One file and at most one connection to it. Use it in one thread at a time.

    `damage` keeps the message of the first damaged page: a later read may miss that page and succeed.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """With `read_only`, nothing is written to the file or created beside it. Call `open` next."""
        self.damage: str | None = None
        self.times_connected = 0
        self.current: sqlite3.Connection | None = None
        """The connection; None before the first one, and after an error that may have broken it."""
        self._path = path
        self._read_only = read_only
        self._identity: tuple[int, int] | None = None

    def open(self) -> None:
        """Connect for the first time, and note which file that is. Raises OSError or StoreUnavailable."""
        self._identity = _identity(os.stat(self._path))
        with self.errors():
            self.connect()

    def connect(self) -> sqlite3.Connection:
        """Return the connection, a new one if there is none. Raises SQLite's errors."""
        if self.current is None:
            self.times_connected += 1
            if self._read_only:
                # Without a -wal, nothing writes to the file.
                self.current = connect_read_only(self._path, immutable=not wal_file(self._path).exists())
            else:
                self.current = connect(self._path)
        return self.current

    def check(self) -> None:
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
    def errors(self) -> Iterator[None]:
        """Convert SQLite's errors to ours, and close a connection that the error may have broken."""
        try:
            yield
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            reason, explanation = explain(error)
            if reason == "damaged":
                self.damage = explanation
            if reason in _RECONNECT_AFTER:
                self.disconnect()
            message = f"the store {self._path} cannot be used: {explanation}"
            raise StoreUnavailable(reason, message, hint="restore a backup" if reason == "damaged" else "") from error

    def roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.disconnect()  # closing rolls back

    def disconnect(self) -> None:
        """Close the connection, if there is one; `connect` makes a new one."""
        connection, self.current = self.current, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
