"""Connections to the store's file: their timeouts, their errors, and the lock between processes."""

from latchkey.storage.engine.sqlite.connection.guarded import CONNECTION_TIMEOUT, GuardedConnection
from latchkey.storage.engine.sqlite.connection.write_lock import WriteLock

__all__ = ["CONNECTION_TIMEOUT", "GuardedConnection", "WriteLock"]
