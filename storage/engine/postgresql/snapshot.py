"""Reads a store as it is at one moment, while servers go on writing to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.keyvalue import Change, IdSet
from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.keyvalue import PostgresqlKeyValue
from latchkey.storage.engine.postgresql.statements import TableStatements

T = TypeVar("T")

_UNLIMITED = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"


class Snapshot(PostgresqlKeyValue):
    """An engine that only reads, in one transaction."""

    def __init__(self, url: DatabaseUrl, tables: Sequence[str]) -> None:
        """Begin the transaction; raises StoreRefused or StoreUnavailable."""
        self._statements = {table: TableStatements.of(table) for table in tables}
        self._damage = ""
        self._connection = connect(url)
        with self._errors():
            self._connection.execute(_UNLIMITED)
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        raise StoreUnavailable("read-only", "the store is open only for reading")

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        raise StoreUnavailable("read-only", "the store is open only for reading")

    def close(self) -> None:
        self._connection.close()

    def _with_connection(self, run: Callable[[psycopg.Connection[Any]], T]) -> T:
        with self._errors():
            return run(self._connection)
