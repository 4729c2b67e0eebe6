"""Clears the token cache when another process has changed the store.

Invariant: what another process has committed is seen within CHECK_INTERVAL.

The whole cache goes, because SQLite reports only that something was committed. A record of what has changed would be
one more row for each change of a token, and processes of earlier versions would not write it. A look-up that is no
longer cached costs about 0.2 ms, and the cache is cleared at most four times a second.
"""

from __future__ import annotations

import threading

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine import KeyValue
from latchkey.storage.installations.cache import TokenCache

CHECK_INTERVAL = 0.25
"""Seconds between checks, which take microseconds and are made in a thread of their own."""


class TokenWatch:
    """Checks the store for changes by other processes, in a thread once started."""

    def __init__(self, engine: KeyValue, cache: TokenCache, *, interval: float = CHECK_INTERVAL) -> None:
        self._engine = engine
        self._cache = cache
        self._interval = interval
        self._closed = threading.Event()
        self._seen: tuple[int, int] | None = None

    def start(self) -> None:
        """Check every `interval` seconds, in a thread. What is committed after this call is noticed."""
        self.check()
        threading.Thread(target=self._follow, name="token-watch", daemon=True).start()

    def check(self) -> None:
        """Clear the cache if another process has committed anything since the last check."""
        try:
            seen = self._engine.foreign_changes()
        except StoreUnavailable:
            return  # each use of the store reports it; tokens that are cached remain usable until they are too old
        if seen != self._seen:
            self._cache.clear()
        self._seen = seen

    def close(self) -> None:
        """Stop checking. Closing twice is harmless."""
        self._closed.set()

    def _follow(self) -> None:
        while not self._closed.wait(self._interval):
            self.check()
