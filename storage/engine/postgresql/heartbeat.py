"""Keeps a process's row alive, and learns of other processes' changes: one thread with a connection of its own.

Invariant: while the connection is down, `foreign_changes` changes at each call, because announcements are missed.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from latchkey.errors import StoreError
from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.process_rows import (
    BEAT,
    BEAT_SECONDS,
    CHANNEL,
    DELETE_EXPIRED_COMMANDS,
    EVENTS_CHANNEL,
    INSERT,
    LEASE_SECONDS,
    PRIMARY_KEY,
    ProcessRow,
)

RETRY_SECONDS = 0.5
"""Between two attempts to connect."""

logger = logging.getLogger("latchkey.storage")


class Heartbeat:
    """The thread begins with `start`, and ends with `close`."""

    def __init__(self, url: DatabaseUrl, row: ProcessRow) -> None:
        self._url = url
        self._row = row
        self._missed = itertools.count(1)
        self._changes = 0
        self._listening = False
        self._closed = threading.Event()
        self.is_fenced = False
        """Whether another server has fenced this one, because its lease had ended."""
        self.primary_key: str | None = None
        """The id of the key with which every process encrypts, as of the last heartbeat."""
        self.on_events: Callable[[], None] = lambda: None
        """Called in the thread when a process, this one included, has announced events."""
        self.on_fenced: Callable[[], None] = lambda: None
        """Called in the thread, once, when `is_fenced` becomes True."""
        self._last_beat: float | None = None
        self._steady_since: float | None = None
        """Since when each heartbeat was in time, by `time.monotonic`; None before the first one."""

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    @property
    def is_steady(self) -> bool:
        """Whether this process's own lease has lasted for LEASE_SECONDS without a gap, and lasts."""
        now = time.monotonic()
        return (
            self._steady_since is not None
            and self._last_beat is not None
            and now - self._last_beat < LEASE_SECONDS / 2
            and now - self._steady_since > LEASE_SECONDS
        )

    def start(self) -> None:
        threading.Thread(target=self._follow, name="store-heartbeat", daemon=True).start()

    def foreign_changes(self) -> tuple[int, int]:
        """Return a value that changes whenever another process has announced a change, or may have."""
        return (self._changes, 0) if self._listening else (self._changes, next(self._missed))

    def close(self) -> None:
        """End the thread within BEAT_SECONDS. Closing twice is harmless."""
        self._closed.set()

    def _follow(self) -> None:
        complained = False
        while not self._closed.is_set():
            try:
                with connect(self._url) as connection:
                    complained = False
                    self._beat_until_closed(connection)
            except (psycopg.Error, StoreError) as error:
                if not complained and not self._closed.is_set():
                    logger.warning("no heartbeat reaches the database: %s", type(error).__name__)
                    complained = True
            finally:
                self._listening = False
            self._closed.wait(RETRY_SECONDS)

    def _beat_until_closed(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}; LISTEN {EVENTS_CHANNEL}")
        self._changes += 1  # what was announced before, while nobody listened
        self._listening = True
        while not self._closed.is_set():
            self._beat(connection)
            for notice in connection.notifies(timeout=BEAT_SECONDS, stop_after=None):
                if notice.channel == EVENTS_CHANNEL:
                    self.on_events()
                elif notice.payload != self._row.name:
                    self._changes += 1

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        # Read before the database reads its clock, so that the lease ends no earlier than this time says.
        now = time.monotonic()
        if connection.execute(BEAT, (LEASE_SECONDS, self._row.name)).rowcount:
            if self._last_beat is None or now - self._last_beat > LEASE_SECONDS / 2:
                self._steady_since = now
            self._last_beat = now
        elif self._row.address is None:
            connection.execute(INSERT, self._row.parameters)
        elif not self.is_fenced:
            self.is_fenced = True
            self.on_fenced()
        connection.execute(DELETE_EXPIRED_COMMANDS)
        found = connection.execute(PRIMARY_KEY).fetchone()
        self.primary_key = found[0] if found else None
