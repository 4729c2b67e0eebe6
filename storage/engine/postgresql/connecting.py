"""Connections to the database: what each is checked for, and set to.

Invariant: what is committed on such a connection is on the disk of the database's machine, and no statement takes as
long as Slack waits.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg.errors import InsufficientPrivilege, InvalidCatalogName, InvalidPassword
from psycopg_pool import ConnectionPool

from latchkey.errors import StoreRefused, StoreUnavailable
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl

STATEMENT_SECONDS = 1.3
"""Longest time of a statement. With POOL_SECONDS, and the way there, it is less than `executor.CALL_TIMEOUT`."""
LOCK_SECONDS = 1.2
"""Longest wait for another transaction's lock; PostgreSQL looks for a deadlock after one second."""
IDLE_SECONDS = 5.0
"""A transaction that its process has left open is ended after this time."""
POOL_SECONDS = 0.9
"""Longest wait for a connection of the pool."""
RECONNECT_SECONDS = 3.0
"""After this time the pool gives up connecting; the next call that needs a connection begins anew."""
OLDEST_VERSION = 140_000
"""PostgreSQL 14 is the oldest that checks whether the client of a running statement is still there."""

_SETTINGS = {
    # An acknowledged event survives a power cut, whatever the server's default is. On a primary with synchronous
    # standbys it waits for their disks as well.
    "synchronous_commit": "on",
    "statement_timeout": f"{int(STATEMENT_SECONDS * 1000)}",
    "lock_timeout": f"{int(LOCK_SECONDS * 1000)}",
    "idle_in_transaction_session_timeout": f"{int(IDLE_SECONDS * 1000)}",
    "client_connection_check_interval": "1000",
    "search_path": "latchkey",
}
_CONFIGURE = (
    "SELECT pg_backend_pid(), current_setting('fsync'), current_setting('server_version_num')::int, "
    + ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
)

logger = logging.getLogger("latchkey.storage")


def connect(url: DatabaseUrl) -> psycopg.Connection:
    """Return a new connection of its own, in autocommit mode. Raises StoreUnavailable, or StoreRefused."""
    try:
        connection = psycopg.connect(url.conninfo, autocommit=True)
    except psycopg.Error as error:
        raise _refusal(url, error) from None
    try:
        configure(connection)
    except psycopg.Error as error:
        connection.close()
        raise _refusal(url, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def make_pool(url: DatabaseUrl, connections: int) -> ConnectionPool:
    """Return a pool of at most `connections` connections, which connects when it is first used."""
    return ConnectionPool(
        url.conninfo,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=connections,
        configure=configure,
        timeout=POOL_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        name="store",
        open=True,
    )


def configure(connection: psycopg.Connection) -> None:
    """Check and set up a new connection. Raises StoreRefused or psycopg's errors."""
    row = connection.execute(_CONFIGURE).fetchone()
    assert row is not None  # a SELECT without FROM has one row
    process_id, fsync, version = row[:3]
    if process_id != connection.info.backend_pid:
        # Each transaction may get another connection there: settings, LISTEN and locks would be another client's.
        raise StoreRefused(
            "[storage] url leads to a connection pooler such as PgBouncer, which cannot be used",
            hint="use the address of PostgreSQL itself; the server keeps a pool of its own ([storage] connections)",
        )
    if fsync != "on":
        raise StoreRefused(
            "PostgreSQL runs with fsync=off: a power cut would lose acknowledged events",
            hint="set fsync = on in postgresql.conf",
        )
    if version < OLDEST_VERSION:
        raise StoreRefused(
            f"PostgreSQL {version // 10_000} is too old",
            hint=f"PostgreSQL {OLDEST_VERSION // 10_000} or later is required",
        )


def _refusal(url: DatabaseUrl, error: psycopg.Error) -> StoreRefused | StoreUnavailable:
    """Return our error for a connection that cannot be made; libpq's message names hosts and users, no passwords."""
    text = " ".join(str(error).split())
    message = f"cannot connect to {url}: {text}"
    refused = (InvalidPassword, InvalidCatalogName, InsufficientPrivilege)
    if isinstance(error, refused) or "authentication failed" in text or "does not exist" in text:
        return StoreRefused(message, hint="check [storage] url and the password in LATCHKEY_STORAGE_URL_FILE")
    return StoreUnavailable("unreachable", message, hint="check that PostgreSQL runs there, and [storage] url")
