"""A cache of decrypted bots, so that an event needs no read and no decryption.

Invariant: it is limited in size and in age, and never older than a write of
this process. A write of another process (the operator's commands) is seen
after at most MAX_AGE_SECONDS.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy

from slack_sdk.oauth.installation_store import Bot

from latchkey.storage.installations.workspace_key import WorkspaceKey

MAX_ENTRIES = 10_000
MAX_AGE_SECONDS = 30.0


class BotCache:
    """A thread-safe cache of bots by workspace."""

    def __init__(
        self, clock: Callable[[], float], *, max_entries: int = MAX_ENTRIES, max_age: float = MAX_AGE_SECONDS
    ) -> None:
        """`clock` and `max_age` are in seconds."""
        self._clock = clock
        self._max_entries = max_entries
        self._max_age = max_age
        # Ordered by insertion, so that the oldest entry is first. A plain dict, because every event looks one up,
        # and cachetools takes four times as long.
        self._bots: dict[WorkspaceKey, tuple[Bot, float]] = {}
        self._lock = threading.Lock()
        self._generation = 0

    def get(self, key: WorkspaceKey) -> Bot | None:
        """Return the cached bot, or None. It is shared: copy it before passing it to other code."""
        found = self._bots.get(key)
        return found[0] if found is not None and self._clock() < found[1] else None

    @property
    def generation(self) -> int:
        """Read this before reading from disk, and pass it to `put`."""
        return self._generation

    def put(self, key: WorkspaceKey, bot: Bot, generation: int) -> None:
        """Cache a bot that was read at this generation; does nothing if there was a write since."""
        with self._lock:
            if generation != self._generation:
                return
            self._bots.pop(key, None)
            if len(self._bots) >= self._max_entries:
                del self._bots[next(iter(self._bots))]
            self._bots[key] = copy(bot), self._clock() + self._max_age

    def forget(self, key: WorkspaceKey) -> None:
        with self._lock:
            self._generation += 1
            self._bots.pop(key, None)
