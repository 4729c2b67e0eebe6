"""Dropping those who are too slow: with their headers, with a body, or idle between two requests.

Rule: what is awaited of a client comes within its time, or the connection is
closed. One timer looks after all clients, because a timer for each is a cost
that every honest request would pay.
"""

from __future__ import annotations

import asyncio
import time

from tornado.http1connection import HTTP1Connection

IDLE_SECONDS = 9.0
"""How long a client may take to send its headers, or keep a connection open between requests."""
BODY_SECONDS = 5.0
"""How long a client may take to send a body; Slack sends its largest in a few milliseconds."""
SWEEP_SECONDS = 1.0


class Patience:
    """The requests of which something is awaited, oldest first."""

    def __init__(self, seconds: float, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """It may take `seconds`, and up to `sweep_seconds` more."""
        self._seconds = seconds
        self._sweep_seconds = sweep_seconds
        self._awaited: dict[object, tuple[float, HTTP1Connection]] = {}
        self._sweeping = False

    def begin(self, request: object, connection: HTTP1Connection) -> None:
        self._awaited[request] = (time.monotonic(), connection)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def end(self, request: object) -> None:
        self._awaited.pop(request, None)

    def _sweep(self) -> None:
        limit = time.monotonic() - self._seconds
        slow = []
        for request, (begun, connection) in self._awaited.items():
            if begun > limit:
                break
            slow.append((request, connection))
        for request, connection in slow:
            self.end(request)
            connection.stream.close()
        self._sweeping = bool(self._awaited)
        if self._sweeping:
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
