"""SQLite's engine behind the seam: sqlitedict's tables on two guarded connections.

Rule: this folder alone knows sqlitedict, and nothing here decodes a value (its
default is pickle, which runs what a tampered row says). One connection writes,
one reads: under WAL a reader never waits for a writer, so look-ups go on while
another process holds the write lock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlitedict import SqliteDict

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.connection import GuardedConnection
from latchkey.storage.engine.keyvalue import ANYTHING, Beginnings, Change, Marks, Row, Swap, Swapped


class Table(SqliteDict):  # type: ignore[misc]  # sqlitedict has no types
    """One sqlitedict table that holds bytes, on a connection that it shares with its sisters."""

    def __init__(self, connection: GuardedConnection, path: Path, name: str) -> None:
        self._shared = connection
        super().__init__(str(path), tablename=name, autocommit=True, encode=bytes, decode=bytes, outer_stack=False)

    def _new_conn(self) -> GuardedConnection:
        return self._shared


class SqliteKeyValue:
    """The engine that keeps `KeyValue`'s promises on one SQLite file, which must exist already."""

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        """Open the file; raises StoreUnavailable where it cannot be opened."""
        self._path = path
        self._writer = GuardedConnection(path)
        try:
            self._reader = GuardedConnection(path)
            self._tables = {name: Table(self._writer, path, name) for name in tables}
        except BaseException:
            self._writer.close()
            raise

    def get(self, table: str, record_id: str) -> bytes | None:
        row = self._reader.select_one(f'SELECT value FROM "{self._name(table)}" WHERE key = ?', (record_id,))
        return None if row is None else _as_bytes(row[0])

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        rows = self._reader.select(
            f'SELECT key FROM "{self._name(table)}" WHERE key IN (SELECT value FROM json_each(?))',
            (_json(record_ids),),
        )
        return {row[0] for row in rows}

    def count(self, table: str) -> int:
        return int(self._reader.select_one(f'SELECT COUNT(*) FROM "{self._name(table)}"')[0])

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        name = self._name(table)
        with self._writer.cursor() as connection:
            done = connection.execute(
                f'DELETE FROM "{name}" WHERE key IN (SELECT key FROM "{name}" WHERE key < ? ORDER BY key LIMIT ?)',
                (record_id, limit),
            )
            return done.rowcount

    def commit(self, changes: Sequence[Change], marks: Marks | None = None) -> bool:
        if marks is None and len(changes) == 1 and changes[0].expected is ANYTHING and changes[0].value is not None:
            # A statement by itself is a transaction too, at a third of the cost.
            table, record_id, value, _ = changes[0]
            self._writer.execute(f'REPLACE INTO "{self._name(table)}" (key, value) VALUES (?, ?)', (record_id, value))
            return True
        with self._writer.transaction() as connection:
            for change in changes:
                if change.expected is ANYTHING:
                    continue
                row = connection.execute(
                    f'SELECT value FROM "{self._name(change.table)}" WHERE key = ?', (change.record_id,)
                ).fetchone()
                if (None if row is None else _as_bytes(row[0])) != change.expected:
                    connection.execute("ROLLBACK")
                    return False
            for table, record_id, value, _ in changes:
                if value is None:
                    connection.execute(f'DELETE FROM "{self._name(table)}" WHERE key = ?', (record_id,))
                else:
                    connection.execute(
                        f'REPLACE INTO "{self._name(table)}" (key, value) VALUES (?, ?)', (record_id, value)
                    )
            if marks is not None and marks.record_ids:
                # One statement for all of them: between any two, another thread may take its turn.
                connection.execute(
                    f"REPLACE INTO \"{self._name(marks.table)}\" (key, value) SELECT value, x'' FROM json_each(?)",
                    (_json(sorted(marks.record_ids)),),
                )
        return True

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        # Ids travel as bytes: one that is not UTF-8 must not make its whole page unreadable.
        begin, first = _key(after), prefix.encode()
        # One lower bound and not two: SQLite seeks to one of them alone, and may take the one that is further away.
        begin, compared = (first, ">=") if first > begin else (begin, ">")
        sql = f'SELECT CAST(key AS BLOB), value FROM "{self._name(table)}" WHERE key {compared} CAST(? AS TEXT)'
        arguments: list[object] = [begin]
        if prefix:
            sql += " AND key < CAST(? AS TEXT)"
            arguments.append(_end_of(first))
        rows = self._reader.select(sql + " ORDER BY key LIMIT ?", (*arguments, limit))
        return [
            Row(key.decode("utf-8", "surrogateescape"), value if isinstance(value, bytes) else _as_bytes(value))
            for key, value in rows
        ]

    def swap(self, table: str, swaps: Sequence[Swap]) -> Swapped:
        # A value of the same length is written over the old one in its place, and no index is touched.
        sql = f'UPDATE "{self._name(table)}" SET value = ? WHERE key = ? AND CAST(value AS BLOB) = ?'
        with self._writer.hasty_transaction() as connection:
            begun = time.monotonic()
            written = connection.executemany(sql, swaps).rowcount
        return Swapped(written, time.monotonic() - begun)

    def beginnings(self, table: str, length: int, *, after: str = "", limit: int = 5000) -> Beginnings:
        # Counted a page at a time: a reader that stands still keeps the -wal from being cut back.
        rows = self._reader.select(
            "SELECT CAST(MAX(key) AS BLOB), COUNT(*), beginning FROM"
            f' (SELECT key, substr(CAST(value AS BLOB), 1, ?) AS beginning FROM "{self._name(table)}"'
            "  WHERE key > CAST(? AS TEXT) ORDER BY key LIMIT ?) GROUP BY beginning",
            (length, _key(after), limit),
        )
        counts = {_as_bytes(beginning): count for _, count, beginning in rows}
        last = max((key for key, _, _ in rows), default=b"")
        return Beginnings(counts, last.decode("utf-8", "surrogateescape") if sum(counts.values()) == limit else None)

    def erase_log(self) -> bool:
        return self._writer.checkpoint()

    def check_damage(self) -> None:
        """Raise StoreUnavailable when a damaged page has been met since the start."""
        damage = self._writer.damage or self._reader.damage
        if damage:
            raise StoreUnavailable("damaged", f"the store is damaged: {damage}", hint="restore a backup")

    def check_pages(self) -> None:
        """Go through all pages and indices (SQLite's integrity_check); raises StoreUnavailable where one is damaged."""
        if self._reader.select("PRAGMA integrity_check(1)") != [("ok",)]:
            raise StoreUnavailable("damaged", f"{self._path} is damaged: a page of it is not what SQLite wrote")

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _name(self, table: str) -> str:
        return str(self._tables[table].tablename)


def _end_of(prefix: bytes) -> bytes:
    """Return the first key behind all that begin with `prefix`; UTF-8 has no byte 0xff that could overflow."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _key(record_id: str) -> bytes:
    """Return an id as `scan` has found it, also one that is not UTF-8."""
    return record_id.encode("utf-8", "surrogateescape")


def _json(record_ids: Sequence[str]) -> str:
    return msgspec.json.encode(record_ids).decode()


def _as_bytes(value: object) -> bytes:
    """Return a value as bytes, whatever somebody else has put into the column; sealing refuses what is not ours."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "replace")
