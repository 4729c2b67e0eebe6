"""Recognises a signed request that arrives again while its signature is still valid.

Slack sends commands, actions, shortcuts and views once. A copy comes from someone who has recorded the request.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cachetools import FIFOCache

from latchkey.slackapi.requests.signature import WINDOW_SECONDS

MAX_SIGNATURES = 50_000
"""About 20 MB. Beyond it, the oldest are forgotten, and copies of those requests are carried out."""

LIFETIME_SECONDS = 2 * WINDOW_SECONDS + 1
"""A signature is valid until 300 s after its timestamp, which may itself be 300 s ahead."""


class SeenSignatures:
    """The signatures of recent requests, in memory."""

    def __init__(self, clock: Callable[[], float] = time.time, *, limit: int = MAX_SIGNATURES) -> None:
        """`clock` returns Unix seconds."""
        self._clock = clock
        # The time until which each is remembered. A TTLCache takes 3 µs a command, twice as long.
        self._seen: FIFOCache[str, float] = FIFOCache(limit)

    def add(self, signature: str) -> bool:
        """Remember a verified signature; returns False if it is known already."""
        now = self._clock()
        if self._seen.get(signature, now) > now:
            return False
        self._seen[signature] = now + LIFETIME_SECONDS
        return True

    def forget(self, signature: str) -> None:
        """Accept the request once more, because it was not carried out."""
        self._seen.pop(signature, None)
