"""Opened bots in memory, so that an event costs no look-up and no decryption.

Rule: bounded in number and in age, and never older than a write of this
process. Another process's write (the administrator's commands) is seen after
at most `SECONDS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy

from slack_sdk.oauth.installation_store import Bot

from latchkey.storage.installations.workspace_key import WorkspaceKey

ENTRIES = 10_000
SECONDS = 30.0


class BotCache:
    """A thread-safe cache of bots by workspace."""

    def __init__(self, clock: Callable[[], float], *, entries: int = ENTRIES, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._entries = entries
        self._seconds = seconds
        # In the order in which they were put, so that the oldest stands first. A plain dict, because the
        # look-up is on the way of every event, and cachetools' takes four times as long.
        self._bots: dict[WorkspaceKey, tuple[Bot, float]] = {}
        self._lock = threading.Lock()
        self._generation = 0

    def get(self, key: WorkspaceKey) -> Bot | None:
        """Return the bot that is kept, or None. It is shared: whoever hands it to others copies it."""
        found = self._bots.get(key)
        return found[0] if found is not None and self._clock() < found[1] else None

    @property
    def generation(self) -> int:
        """Take this before reading from disk, and hand it to `put`."""
        return self._generation

    def put(self, key: WorkspaceKey, bot: Bot, generation: int) -> None:
        """Keep a bot that was read at this generation; nothing is kept when a write has come between."""
        with self._lock:
            if generation != self._generation:
                return
            self._bots.pop(key, None)
            if len(self._bots) >= self._entries:
                del self._bots[next(iter(self._bots))]
            self._bots[key] = copy(bot), self._clock() + self._seconds

    def forget(self, key: WorkspaceKey) -> None:
        with self._lock:
            self._generation += 1
            self._bots.pop(key, None)
