"""Recognises a signed request that arrives again while its signature is still valid.

Slack sends commands, actions, shortcuts and views once. A copy comes from someone who has recorded the request.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cachetools import TTLCache

from latchkey.slackapi.requests.signature import WINDOW_SECONDS

MAX_SIGNATURES = 50_000
"""About 15 MB. Beyond it, the oldest are forgotten, and copies of those requests are carried out."""


class SeenSignatures:
    """The signatures of recent requests, in memory."""

    def __init__(self, clock: Callable[[], float] = time.time, *, limit: int = MAX_SIGNATURES) -> None:
        """`clock` returns Unix seconds."""
        # A signature is valid until 300 s after its timestamp, which may itself be 300 s ahead.
        self._seen: TTLCache[str, None] = TTLCache(limit, 2 * WINDOW_SECONDS + 1, timer=clock)

    def add(self, signature: str) -> bool:
        """Remember a verified signature; returns False if it is known already."""
        if signature in self._seen:
            return False
        self._seen[signature] = None
        return True

    def forget(self, signature: str) -> None:
        """Accept the request once more, because it was not carried out."""
        self._seen.pop(signature, None)
