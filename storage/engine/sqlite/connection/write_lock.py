"""A lock between processes, held for every write transaction and every checkpoint.

Invariant: no connection commits in any process while another one checkpoints. SQLite before 3.51.3 can otherwise lose
committed transactions or damage the file: if a commit starts the -wal anew between two steps of a checkpoint, frames
are marked as checkpointed that are not (https://www.sqlite.org/wal.html#walresetbug). SQLite lets only one connection
write at a time anyway, so this lock costs no concurrency.

The last connection's close checkpoints too, but holds SQLite's exclusive lock on the database file meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from latchkey.errors import StoreUnavailable

WRITE_LOCK_TIMEOUT = 0.7
"""Seconds that a call waits for another process's transaction or checkpoint; see CONNECTION_TIMEOUT."""
POLL_SECONDS = 0.0002
"""Poll interval; a transaction takes about this long."""


class WriteLock:
    """A context manager that holds the lock. Two threads must not share one.

    It locks the store's folder, which nobody can delete while the store is in it. The kernel releases the lock when
    the process ends.
    """

    def __init__(self, store_path: Path) -> None:
        """Raises OSError."""
        self._folder = os.open(store_path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        """Raises StoreUnavailable ("locked") after WRITE_LOCK_TIMEOUT."""
        deadline = 0.0
        while True:
            try:
                fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                now = time.monotonic()
                deadline = deadline or now + WRITE_LOCK_TIMEOUT
                if now > deadline:
                    raise StoreUnavailable("locked", "another process keeps writing to the store") from None
            time.sleep(POLL_SECONDS)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._folder, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock's descriptor. Closing twice is harmless."""
        folder, self._folder = self._folder, -1
        if folder >= 0:
            os.close(folder)
