"""PostgreSQL as the key-value engine: one table for each table of records.

Each call takes a connection of the pool. A read, and a change that has not been committed, is tried once more if its
connection has ended, as every idle one has after a restart of the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg.sql import Composed

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.keyvalue import Change, IdSet, PrefixCounts, Row, Swap, Swapped
from latchkey.storage.engine.postgresql.commit_plan import TablePlan, end_of, id_of, key_of, plan
from latchkey.storage.engine.postgresql.connecting import make_pool
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.errors import RETRYABLE, is_lost, translated, uncertain
from latchkey.storage.engine.postgresql.presence import RowPresence
from latchkey.storage.engine.postgresql.process_rows import CHANNEL, EVENTS_CHANNEL, HOLD
from latchkey.storage.engine.postgresql.statements import TableStatements

T = TypeVar("T")
Connection = psycopg.Connection[Any]

ATTEMPTS = 3
"""Attempts of a transaction that met another one or whose connection has ended. None is repeated once its COMMIT was
sent."""


class PostgresqlKeyValue:
    """Implements `KeyValue` on a database whose schema is complete."""

    def __init__(
        self,
        url: DatabaseUrl,
        tables: Sequence[str],
        presence: RowPresence,
        *,
        connections: int,
        cached: Sequence[str],
        taken: Sequence[str],
    ) -> None:
        """Connects at the first call.

        Changes of the tables `cached` are announced to processes that cache them, those of the tables `taken` to the
        servers that take records from them.
        """
        self._url = url
        self._statements = {table: TableStatements.of(table) for table in tables}
        self._presence = presence
        self._channels = {**dict.fromkeys(cached, CHANNEL), **dict.fromkeys(taken, EVENTS_CHANNEL)}
        self._damage = ""
        self._pool = make_pool(url, connections)

    def get(self, table: str, record_id: str) -> bytes | None:
        rows = self._select(self._statements[table].get, key_of(record_id))
        return rows[0][0] if rows else None

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        rows = self._select(self._statements[table].existing, [key_of(record_id) for record_id in record_ids])
        return {id_of(key) for (key,) in rows}

    def count(self, table: str) -> int:
        return int(self._select(self._statements[table].count_all)[0][0])

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        statement = self._statements[table].remove_before
        return self._with_connection(
            lambda connection: _execute(connection, statement, key_of(record_id), limit).rowcount
        )

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        parts = plan(changes, ids)
        return parts is not None and self._change(lambda connection, pipeline: self._apply(connection, pipeline, parts))

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        statements, start, first = self._statements[table], key_of(after), prefix.encode()
        if first:
            rows = self._select(statements.scan_prefix, start, first, end_of(first), limit)
        else:
            rows = self._select(statements.scan, start, limit)
        return [Row(id_of(key), value) for key, value in rows]

    def swap(self, table: str, swaps: Sequence[Swap]) -> Swapped:
        statements = self._statements[table]
        ordered = sorted((key_of(record_id), value, expected) for value, record_id, expected in swaps)
        keys, values, expected = ([row[field] for row in ordered] for field in range(3))

        def write(connection: Connection, pipeline: psycopg.Pipeline) -> int:
            _execute(connection, statements.lock, keys)
            updated = _execute(connection, statements.update, values, keys, expected)
            pipeline.sync()
            return updated.rowcount

        started = time.monotonic()
        return Swapped(self._change(write), time.monotonic() - started)

    def count_by_prefix(self, table: str, length: int, *, after: str = "", limit: int = 5000) -> PrefixCounts:
        rows = self._select(self._statements[table].count_by_prefix, length, key_of(after), limit)
        counts = {prefix: count for _, count, prefix in rows}
        last = max((bytes.fromhex(key) for key, _, _ in rows), default=b"")
        return PrefixCounts(counts, id_of(last) if sum(counts.values()) == limit else None)

    def erase_log(self) -> bool:
        """Return True: when PostgreSQL overwrites deleted rows, and its -wal, is the database operator's to decide."""
        return True

    def foreign_changes(self) -> tuple[int, int]:
        return self._presence.foreign_changes()

    def check_damage(self) -> None:
        if self._damage:
            raise StoreUnavailable("damaged", f"the store is damaged: {self._damage}", hint="restore a backup")

    def check_pages(self) -> None:
        """Read all that is stored. PostgreSQL compares its checksums meanwhile, if the database has them."""

        def read(connection: Connection, _pipeline: psycopg.Pipeline) -> bool:
            _execute(connection, "SET LOCAL statement_timeout = 0")
            for statements in self._statements.values():
                _execute(connection, statements.read_all).fetchone()
            return False  # nothing to commit

        self._change(read)

    def close(self) -> None:
        self._pool.close(timeout=1.0)

    def _select(self, statement: Composed, *arguments: object) -> list[Any]:
        return self._with_connection(lambda connection: _execute(connection, statement, *arguments).fetchall())

    def _change(self, change: Callable[[Connection, psycopg.Pipeline], T]) -> T:
        """Run `change` in a transaction, which is committed unless it returns False.

        Raises StoreUnavailable, with the reason "uncertain" if the transaction may have been committed.
        """

        def run(connection: Connection) -> T:
            try:
                # Statements are sent without waiting for the results of those before them. The COMMIT is sent apart:
                # if the connection ends before, nothing has been committed.
                with connection.pipeline() as pipeline:
                    _execute(connection, "BEGIN")
                    result = change(connection, pipeline)
            except BaseException:
                _roll_back(connection)
                raise
            if result is False:
                _roll_back(connection)
            else:
                _commit(connection)
            return result

        return self._with_connection(run)

    def _with_connection(self, run: Callable[[Connection], T]) -> T:
        """Run it, again if its transaction was rolled back for another one or its connection had ended."""
        for attempt in range(1, ATTEMPTS + 1):
            failure: psycopg.Error
            with self._errors(), self._pool.connection() as connection:
                try:
                    return run(connection)
                except RETRYABLE as error:
                    failure = error
                except psycopg.OperationalError as error:
                    if not is_lost(error, connection):
                        raise
                    failure = error
                if attempt == ATTEMPTS:
                    raise failure
            if is_lost(failure, connection):
                with self._errors():
                    self._pool.check()  # after a restart of the database, none of its connections is left
        raise AssertionError  # the last attempt returns or raises

    def _apply(self, connection: Connection, pipeline: psycopg.Pipeline, parts: Sequence[TablePlan]) -> bool:
        """Write what is planned; False if something is not what is expected, and then it must be rolled back."""
        held = _execute(connection, HOLD, self._presence.name) if self._presence.is_server else None
        locks = [
            (part, _execute(connection, self._statements[part.table].lock, sorted(part.expected)))
            for part in parts
            if part.expected
        ]
        if not all(part.holds(dict(lock.fetchall())) for part, lock in locks):
            return False
        inserts = [(insert, count) for part in parts for insert, count in self._write(connection, part)]
        for channel in {self._channels[part.table] for part in parts if part.table in self._channels}:
            _execute(connection, "SELECT pg_notify(%b, %b)", channel, self._presence.name)
        pipeline.sync()
        if held is not None and not held.rowcount:
            raise StoreUnavailable("fenced", "this server's lease has ended, and another server has taken over")
        # Another transaction may have inserted one since it was found to be absent.
        return all(insert.rowcount == count for insert, count in inserts)

    def _write(self, connection: Connection, part: TablePlan) -> Iterator[tuple[psycopg.Cursor[Any], int]]:
        """Send what is written to one table; yields each insert of absent records, and how many it must insert."""
        statements = self._statements[part.table]
        if part.inserted:
            yield _execute(connection, statements.insert, *_columns(part.inserted)), len(part.inserted)
        if part.put:
            _execute(connection, statements.put, *_columns(part.put))
        if part.deleted:
            _execute(connection, statements.delete, part.deleted)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except StoreUnavailable as error:
            if error.reason == "damaged":
                self._damage = str(error)
            raise


def _execute(connection: Connection, statement: Composed | str, *arguments: object) -> psycopg.Cursor[Any]:
    # Binary: bytes are neither escaped nor unescaped.
    return connection.cursor(binary=True).execute(statement, arguments or None)


def _commit(connection: Connection) -> None:
    try:
        _execute(connection, "COMMIT")
    except psycopg.OperationalError as error:
        if is_lost(error, connection):
            raise uncertain() from error
        raise


def _roll_back(connection: Connection) -> None:
    with suppress(psycopg.Error):  # the connection has ended, and with it the transaction
        connection.rollback()


def _columns(pairs: Sequence[tuple[bytes, bytes]]) -> tuple[list[bytes], list[bytes]]:
    return [key for key, _ in pairs], [value for _, value in pairs]
