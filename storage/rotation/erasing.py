"""Erases removed and replaced values from the -wal, which else keeps them until it is overwritten."""

from __future__ import annotations

import logging
import threading
import time

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine import KeyValue

ERASE_TIMEOUT = 30.0
"""Seconds for which truncating the -wal is retried while readers are in the way."""
REMOVAL_ERASE_TIMEOUT = 2.0
"""The same for a command that has removed records; if it fails, the next checkpoint of the server erases them."""
DELAY_SECONDS = 1.0
"""After a removal, so that several removals are erased together."""
MAX_PAUSE_SECONDS = 60.0

logger = logging.getLogger("latchkey.storage")


def erase_old(engine: KeyValue, timeout: float | None = None) -> None:
    """Write all changes to disk, and erase what they replace; `timeout` is ERASE_TIMEOUT by default.

    Raises StoreUnavailable if readers stay in the way.
    """
    deadline = time.monotonic() + (ERASE_TIMEOUT if timeout is None else timeout)
    pause = 0.05
    while not engine.erase_log():
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                "locked",
                "old ciphertext is still in the -wal, because a process keeps reading the store",
                hint="end the process that reads the store's file, then run this command again",
            )
        time.sleep(pause)
        pause = min(1.0, 2 * pause)


class RemovalEraser:
    """Erases removed records: in a thread of its own once started, else when it is closed."""

    def __init__(self, engine: KeyValue) -> None:
        self._engine = engine
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def request(self) -> None:
        """Erase what was removed before this call, soon."""
        self._wanted.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._follow, name="removal-eraser", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Erase what has not been erased yet, if nothing is in the way. Closing twice is harmless."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread is None and self._wanted.is_set():
            try:
                erase_old(self._engine, REMOVAL_ERASE_TIMEOUT)
            except StoreUnavailable as error:
                logger.warning("the removed records are still in the -wal, encrypted: %s", error)
        self._wanted.set()  # ends the thread; the last process to close the store erases the -wal

    def _follow(self) -> None:
        pause = DELAY_SECONDS
        while self._wanted.wait() and not self._closed.wait(pause):
            self._wanted.clear()
            try:
                erased = self._engine.erase_log()
            except StoreUnavailable:
                erased = False  # other calls report it
            pause = DELAY_SECONDS if erased else min(2 * pause, MAX_PAUSE_SECONDS)
            if not erased:
                self._wanted.set()
