"""SQLite as the key-value engine.

sqlitedict creates the tables and so defines the file's layout; our own connection reads and writes, because
sqlitedict's worker thread can hang or lose writes. A closed copy of the file opens with `SqliteDict(copy,
tablename=..., flag="r", journal_mode="WAL", decode=bytes)`; never open the live file with it, because its
defaults leave WAL mode, and unpickle what is in a row.

One connection writes and one reads: under WAL a reader never waits for a writer,
so lookups continue while another process holds the write lock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.keyvalue import ANYTHING, Change, IdSet, PrefixCounts, Row, Swap, Swapped
from latchkey.storage.engine.sqlite.connection import GuardedConnection, WriteLock


class SqliteKeyValue:
    """Implements `KeyValue` on one SQLite file, which must exist."""

    def __init__(self, path: Path, tables: Sequence[str], *, is_shared: bool = True) -> None:
        """Open the file and create missing tables; raises StoreUnavailable.

        A file that is not shared, because no other process knows of it, needs no lock between processes.
        """
        self._path = path
        self._tables = {name: f'"{name}"' for name in tables}
        self._writer = GuardedConnection(path, write_lock=WriteLock(path) if is_shared else None)
        try:
            self._reader = GuardedConnection(path)
            existing = {row[0] for row in self._reader.select("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for name in tables:
                if name not in existing:
                    _create_table(self._writer, path, name)
        except BaseException:
            self._writer.close()
            raise

    def get(self, table: str, record_id: str) -> bytes | None:
        row = self._reader.select_one(f"SELECT value FROM {self._tables[table]} WHERE key = ?", (record_id,))
        return None if row is None else _as_bytes(row[0])

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        rows = self._reader.select(
            f"SELECT key FROM {self._tables[table]} WHERE key IN (SELECT value FROM json_each(?))",
            (_json(record_ids),),
        )
        return {row[0] for row in rows}

    def count(self, table: str) -> int:
        return int(self._reader.select_one(f"SELECT COUNT(*) FROM {self._tables[table]}")[0])

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        name = self._tables[table]
        with self._writer.cursor() as connection:
            done = connection.execute(
                f"DELETE FROM {name} WHERE key IN (SELECT key FROM {name} WHERE key < ? ORDER BY key LIMIT ?)",
                (record_id, limit),
            )
            return done.rowcount

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        if ids is None and len(changes) == 1 and changes[0].expected is ANYTHING and changes[0].value is not None:
            # A single statement is a transaction too, at a third of the cost.
            table, record_id, value, _ = changes[0]
            self._writer.execute(f"REPLACE INTO {self._tables[table]} (key, value) VALUES (?, ?)", (record_id, value))
            return True
        with self._writer.transaction() as connection:
            for change in changes:
                if change.expected is ANYTHING:
                    continue
                row = connection.execute(
                    f"SELECT value FROM {self._tables[change.table]} WHERE key = ?", (change.record_id,)
                ).fetchone()
                if (None if row is None else _as_bytes(row[0])) != change.expected:
                    connection.execute("ROLLBACK")
                    return False
            for table, record_id, value, _ in changes:
                if value is None:
                    connection.execute(f"DELETE FROM {self._tables[table]} WHERE key = ?", (record_id,))
                else:
                    connection.execute(
                        f"REPLACE INTO {self._tables[table]} (key, value) VALUES (?, ?)", (record_id, value)
                    )
            if ids is not None and ids.record_ids:
                # One statement for all: between statements another thread could run.
                connection.execute(
                    f"REPLACE INTO {self._tables[ids.table]} (key, value) SELECT value, x'' FROM json_each(?)",
                    (_json(sorted(ids.record_ids)),),
                )
        return True

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        # Ids are read as bytes: an invalid UTF-8 id must not make its whole page unreadable.
        start, first = _key(after), prefix.encode()
        # Only one lower bound: of two, SQLite seeks to one, and may choose the one that is further away.
        start, compared = (first, ">=") if first > start else (start, ">")
        sql = f"SELECT CAST(key AS BLOB), value FROM {self._tables[table]} WHERE key {compared} CAST(? AS TEXT)"
        arguments: list[object] = [start]
        if prefix:
            sql += " AND key < CAST(? AS TEXT)"
            arguments.append(_end_of(first))
        rows = self._reader.select(sql + " ORDER BY key LIMIT ?", (*arguments, limit))
        return [
            Row(key.decode("utf-8", "surrogateescape"), value if isinstance(value, bytes) else _as_bytes(value))
            for key, value in rows
        ]

    def swap(self, table: str, swaps: Sequence[Swap]) -> Swapped:
        # A value of the same length overwrites the old one in place and changes no index.
        sql = f"UPDATE {self._tables[table]} SET value = ? WHERE key = ? AND CAST(value AS BLOB) = ?"
        with self._writer.bulk_transaction() as connection:
            started = time.monotonic()
            written = connection.executemany(sql, swaps).rowcount
        return Swapped(written, time.monotonic() - started)

    def count_by_prefix(self, table: str, length: int, *, after: str = "", limit: int = 5000) -> PrefixCounts:
        # A page at a time: a long-running read would keep the -wal from being checkpointed.
        rows = self._reader.select(
            "SELECT CAST(MAX(key) AS BLOB), COUNT(*), prefix FROM"
            f" (SELECT key, substr(CAST(value AS BLOB), 1, ?) AS prefix FROM {self._tables[table]}"
            "  WHERE key > CAST(? AS TEXT) ORDER BY key LIMIT ?) GROUP BY prefix",
            (length, _key(after), limit),
        )
        counts = {_as_bytes(prefix): count for _, count, prefix in rows}
        last = max((key for key, _, _ in rows), default=b"")
        return PrefixCounts(counts, last.decode("utf-8", "surrogateescape") if sum(counts.values()) == limit else None)

    def erase_log(self) -> bool:
        return self._writer.checkpoint()

    def foreign_changes(self) -> tuple[int, int]:
        # Nothing else in this process writes. https://www.sqlite.org/pragma.html#pragma_data_version
        return self._writer.foreign_changes()

    def check_damage(self) -> None:
        """Raise StoreUnavailable if a damaged page was found since the start."""
        damage = self._writer.damage or self._reader.damage
        if damage:
            raise StoreUnavailable("damaged", f"the store is damaged: {damage}", hint="restore a backup")

    def check_pages(self) -> None:
        """Check all pages and indices (SQLite's integrity_check); raises StoreUnavailable if one is damaged."""
        if self._reader.select("PRAGMA integrity_check(1)") != [("ok",)]:
            raise StoreUnavailable("damaged", f"{self._path} is damaged: one of its pages is not what SQLite wrote")

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def _create_table(connection: GuardedConnection, path: Path, name: str) -> None:
    """Let sqlitedict create a table, on our connection and not in a thread of its own."""
    from sqlitedict import SqliteDict  # imported only for a new table

    class Creation:
        """The part of a sqlitedict connection that creates a table."""

        def execute(self, sql: str) -> None:
            connection.execute(sql)

        def commit(self) -> None:
            """Each statement has committed by itself."""

    class Table(SqliteDict):  # type: ignore[misc]  # sqlitedict has no types
        def _new_conn(self) -> Creation:
            return Creation()

    Table(str(path), tablename=name, outer_stack=False).conn = None  # its destructor has nothing to close


def _end_of(prefix: bytes) -> bytes:
    """Return the first key after all that begin with `prefix`; UTF-8 has no byte 0xff that could overflow."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _key(record_id: str) -> bytes:
    """Return an id as `scan` found it, including invalid UTF-8."""
    return record_id.encode("utf-8", "surrogateescape")


def _json(record_ids: Sequence[str]) -> str:
    return msgspec.json.encode(record_ids).decode()


def _as_bytes(value: object) -> bytes:
    """Return a value as bytes, whatever another program has stored; decryption refuses what is not ours."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "replace")
