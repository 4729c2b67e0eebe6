"""Connections to the store's file: their timeouts, their errors, and the lock between processes."""

from latchkey.storage.engine.connection.guarded import CONNECTION_TIMEOUT, GuardedConnection
from latchkey.storage.engine.connection.write_lock import WriteLock

__all__ = ["CONNECTION_TIMEOUT", "GuardedConnection", "WriteLock"]
