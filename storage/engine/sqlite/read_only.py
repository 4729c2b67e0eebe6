"""Reads a store's file without writing to it or creating anything beside it.

Invariant: a store or backup that a command only inspects is byte for byte the same afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.keyvalue import Change, IdSet
from latchkey.storage.engine.sqlite.connection import GuardedConnection
from latchkey.storage.engine.sqlite.database_file import wal_file
from latchkey.storage.engine.sqlite.sqlite_keyvalue import SqliteKeyValue


class ReadOnlyKeyValue(SqliteKeyValue):
    """An engine that only reads. A table that the file doesn't have yet has no records."""

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        """Open the file; raises StoreUnavailable or OSError."""
        self._path = path
        self._tables = {name: f'"{name}"' for name in tables}
        self._read_as_immutable = not wal_file(path).exists()
        self._reader = GuardedConnection(path, read_only=True)
        try:
            existing = {row[0] for row in self._reader.select("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for name in set(tables) - existing:
                # Temporary tables are never stored in this file.
                self._reader.execute(f'CREATE TEMP TABLE "{name}" (key TEXT PRIMARY KEY, value BLOB)')
        except BaseException:
            self._reader.close()
            raise

    def check_unchanged(self) -> None:
        """Raise StoreUnavailable if a process opened the file while it was read as one that nothing writes to."""
        if self._read_as_immutable and wal_file(self._path).exists():
            raise StoreUnavailable("locked", f"the store {self._path} was opened by another process meanwhile")

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        raise StoreUnavailable("read-only", f"the store {self._path} is open only for reading")

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        raise StoreUnavailable("read-only", f"the store {self._path} is open only for reading")

    def close(self) -> None:
        self._reader.close()
