"""Who has the store open: a row for each process, which counts for as long as its lease, by the database's clock.

Invariant: a process that cannot renew its lease for LEASE_SECONDS counts as ended. A server whose row another process
has deleted meanwhile commits nothing any more.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from latchkey.errors import StoreError, StoreInUse, StoreRefused, StoreUnavailable
from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.errors import is_lost, translated
from latchkey.storage.engine.postgresql.heartbeat import Heartbeat
from latchkey.storage.engine.postgresql.process_rows import DELETE, INSERT, LIVE, LIVE_SERVERS, PUBLISH, ProcessRow
from latchkey.storage.engine.presence import StoreProcess

MAINTENANCE_LOCK = 0x4C4B4D4E
"""Of PostgreSQL's advisory locks, the one of the commands that change the keyring or the whole store ("LKMN")."""
SERVER_LOCK = 0x4C4B5356
"""The one under which servers register ("LKSV")."""


class RowPresence:
    """Implements `Presence` by a row in the database, which a thread keeps alive."""

    def __init__(self, url: DatabaseUrl, version: str, *, server_address: str | None = None) -> None:
        """Register; raises StoreRefused or StoreUnavailable.

        `version` is that of Latchkey. `server_address` is given by a server, of which a store has only one.
        """
        self._url = url
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._row = ProcessRow(name, socket.gethostname(), os.getpid(), version, server_address)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._register()
        self._heartbeat = Heartbeat(url, self._row)
        self._heartbeat.start()

    @property
    def name(self) -> str:
        return self._row.name

    @property
    def is_server(self) -> bool:
        return self._row.address is not None

    @property
    def heartbeat(self) -> Heartbeat:
        """What keeps the row alive."""
        return self._heartbeat

    def is_open(self, name: str) -> bool:
        return bool(self._select(LIVE + " AND name = %s", name))

    def processes(self) -> list[StoreProcess]:
        return [
            StoreProcess(pid, tuple(key_ids) if key_ids else None, takes_write_lock=True, host=host)
            for _, host, pid, key_ids in self._select(LIVE + " ORDER BY started_at")
        ]

    def publish(self, key_ids: Sequence[str]) -> None:
        try:
            self._select(PUBLISH, list(key_ids), self.name)
        except StoreUnavailable as error:
            raise OSError(errno.EIO, str(error)) from error

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Hold an advisory lock on a connection of its own: PostgreSQL releases it when the process ends."""
        with connect(self._url) as connection:
            with translated():
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (MAINTENANCE_LOCK,)).fetchone()
            if row != (True,):
                raise StoreInUse(str(self._url))
            yield

    def foreign_changes(self) -> tuple[int, int]:
        """Return a value that changes whenever another process has announced a change."""
        return self._heartbeat.foreign_changes()

    def close(self) -> None:
        if self._heartbeat.is_closed:
            return
        self._heartbeat.close()
        with suppress(StoreError):  # the row's lease ends by itself
            self._select(DELETE, self.name)
        with self._lock:
            self._disconnect()

    def _register(self) -> None:
        with connect(self._url) as connection, translated(), connection.transaction():
            if self.is_server:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (SERVER_LOCK,))
                other = connection.execute(LIVE_SERVERS).fetchone()
                if other is not None:
                    raise StoreRefused(
                        "the store {} has a server already: process {} on {}, which listens on {}".format(
                            self._url, *other
                        ),
                        hint="stop that server first",
                    )
            connection.execute(INSERT, self._row.parameters)

    def _select(self, statement: str, *arguments: object) -> list[Any]:
        """Return the rows; connects anew if the connection has ended."""
        with self._lock, translated():
            try:
                return self._query(statement, arguments)
            except psycopg.OperationalError as error:
                if self._connection is None or not is_lost(error, self._connection):
                    raise
            self._disconnect()
            return self._query(statement, arguments)

    def _query(self, statement: str, arguments: Sequence[object]) -> list[Any]:
        if self._connection is None:
            self._connection = connect(self._url)
        cursor = self._connection.execute(statement, arguments)
        return cursor.fetchall() if cursor.description else []

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
