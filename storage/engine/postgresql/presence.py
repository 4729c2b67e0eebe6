"""Who has the store open: a row for each process, which counts for as long as its lease, by the database's clock.

Invariant: a process that cannot renew its lease for LEASE_SECONDS counts as ended. A server that another one has fenced
commits nothing.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg

from latchkey.errors import StoreError, StoreInUse, StoreUnavailable
from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.errors import is_lost, translated
from latchkey.storage.engine.postgresql.heartbeat import Heartbeat
from latchkey.storage.engine.postgresql.process_rows import (
    DELETE,
    FENCE,
    INSERT,
    IS_SERVING,
    LEADER,
    LIVE,
    PRIMARY_KEY,
    PUBLISH,
    SERVERS,
    SET_PRIMARY_KEY,
    ProcessRow,
)
from latchkey.storage.engine.presence import StoreProcess

MAINTENANCE_LOCK = 0x4C4B4D4E
"""Of PostgreSQL's advisory locks, the one of the commands that change the keyring or the whole store ("LKMN")."""

REGISTER_LOCK = 0x4C4B5247
"""The one under which a process registers ("LKRG")."""


class RowPresence:
    """Implements `Presence` by a row in the database, which a thread keeps alive."""

    def __init__(self, url: DatabaseUrl, version: str, *, server_address: str | None = None) -> None:
        """Register; raises StoreRefused or StoreUnavailable.

        `version` is that of Latchkey. `server_address` is given by a server, which runs events.
        """
        self._url = url
        self._row = ProcessRow.of_this_process(version, server_address)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        with connect(url) as connection, translated(), connection.transaction():
            # One after another, so that the order of their starts is the order in which others see them.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (REGISTER_LOCK,))
            connection.execute(INSERT, self._row.parameters)
            primary = connection.execute(PRIMARY_KEY).fetchone()
        self._heartbeat = Heartbeat(url, self._row)
        self._heartbeat.primary_key = primary[0] if primary else None
        self._heartbeat.start()

    @property
    def name(self) -> str:
        return self._row.name

    @property
    def is_server(self) -> bool:
        return self._row.address is not None

    def is_open(self, name: str) -> bool:
        return bool(self._live(" AND name = %s", name))

    def processes(self) -> list[StoreProcess]:
        return self._live(" ORDER BY started_at")

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

    @property
    def machine(self) -> str:
        return self._row.machine

    @property
    def owner(self) -> str:
        return self.name

    def has_ended(self, owner: str) -> bool:
        # Each server registers before it accepts an event, and no name is used twice.
        return not self._select(IS_SERVING, owner)

    def ended_owners(self) -> Sequence[str]:
        """Fence the servers whose lease has ended, and return all that are fenced.

        A lease that ran out while the database was down says nothing of its server: only a server whose own lease has
        lasted all the time takes it for ended.
        """
        ended = []
        for name, machine, pid, is_fenced, is_expired in self._select(SERVERS, self.name):
            is_gone = self._row.has_ended_here(machine, pid)
            may_fence = is_gone or (is_expired and self._heartbeat.is_steady)
            if is_fenced or (may_fence and self._fence(name, certainly=is_gone)):
                ended.append(name)
        return ended

    def forget_owner(self, owner: str) -> None:
        self._select(DELETE, owner)

    def primary_key(self) -> str | None:
        return self._heartbeat.primary_key

    def set_primary_key(self, key_id: str) -> None:
        self._select(SET_PRIMARY_KEY, key_id)
        self._heartbeat.primary_key = key_id

    def leads(self) -> bool:
        return self._select(LEADER) == [(self.name,)]

    def next_number(self) -> int:
        return int(self._select("SELECT nextval('latchkey.numbers')")[0][0])

    def when_announced(self, callback: Callable[[], None]) -> None:
        self._heartbeat.on_events = callback

    def when_fenced(self, callback: Callable[[], None]) -> None:
        self._heartbeat.on_fenced = callback

    def foreign_changes(self) -> tuple[int, int]:
        """Return a value that changes whenever another process has announced a change."""
        return self._heartbeat.foreign_changes()

    def close(self) -> None:
        if self._heartbeat.is_closed:
            return
        self._heartbeat.close()
        with suppress(StoreError):  # the row's lease ends by itself
            # A server may leave events behind. With its row, others learn of them.
            if self.is_server:
                self._fence(self.name, certainly=True)
            else:
                self._select(DELETE, self.name)
        with self._lock:
            self._disconnect()

    def _live(self, condition: LiteralString, *arguments: object) -> list[StoreProcess]:
        """Return the processes whose lease lasts, except those of this machine that have ended nevertheless."""
        return [
            StoreProcess(pid, tuple(key_ids) if key_ids else None, takes_write_lock=True, host=host)
            for machine, host, pid, key_ids in self._select(LIVE + condition, *arguments)
            if not self._row.has_ended_here(machine, pid)
        ]

    def _fence(self, name: str, *, certainly: bool) -> bool:
        """Return whether the server was fenced; unless `certainly`, only if its lease has ended."""
        return bool(self._select(FENCE + " RETURNING name", name, certainly))

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
