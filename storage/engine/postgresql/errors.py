"""What PostgreSQL's errors mean.

Invariant: no error of ours quotes PostgreSQL's message, which may quote values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool
from psycopg import errors

from latchkey.errors import StoreUnavailable

RETRYABLE = (errors.DeadlockDetected, errors.SerializationFailure)
"""The transaction was rolled back, and may succeed when it is repeated."""

_ENDED = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout)
_REASONS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    ((psycopg_pool.PoolClosed,), "closed", "it is closed"),
    ((psycopg_pool.PoolTimeout,), "unreachable", "no connection to the database was free or could be made"),
    ((errors.QueryCanceled,), "timeout", "a statement took too long"),
    ((errors.LockNotAvailable, *RETRYABLE), "locked", "another process holds its lock"),
    ((errors.DiskFull, errors.OutOfMemory), "full", "the database's disk or memory is full"),
    ((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege), "read-only", "this user may not write to it"),
    ((errors.UndefinedTable, errors.InvalidSchemaName), "missing", "one of its tables is gone"),
    ((errors.DataCorrupted, errors.IndexCorrupted), "damaged", "PostgreSQL found damage"),
    ((*_ENDED, errors.TooManyConnections), "unreachable", "the database ends or refuses connections"),
    ((psycopg.InterfaceError,), "unreachable", "the connection is closed"),
)


@contextmanager
def translated() -> Iterator[None]:
    """Convert psycopg's errors to StoreUnavailable."""
    try:
        yield
    except (psycopg.Error, UnicodeError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> StoreUnavailable:
    """Return the StoreUnavailable for an error of psycopg."""
    reason, explanation = explain(error)
    return StoreUnavailable(
        reason, f"the store cannot be used: {explanation}", hint="restore a backup" if reason == "damaged" else ""
    )


def uncertain() -> StoreUnavailable:
    """Return the error for a connection that was lost while a commit was on its way."""
    return StoreUnavailable("uncertain", "the connection was lost while a change was being committed")


def explain(error: Exception) -> tuple[str, str]:
    """Return a word for `StoreUnavailable.reason`, and a clause for its message."""
    for types, reason, explanation in _REASONS:
        if isinstance(error, types):
            return reason, explanation
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return "unreachable", "the connection to the database was lost"
    return "failed", f"PostgreSQL reported {type(error).__name__}"


def is_lost(error: psycopg.Error, connection: psycopg.Connection) -> bool:
    """Whether the connection has ended with this error, so that another one may work."""
    return connection.broken or connection.closed or isinstance(error, _ENDED)
