"""Disconnects slow clients: slow with their headers, slow with a body, or idle between two requests.

One timer serves all clients, because a timer per request would cost every request.
"""

from __future__ import annotations

import asyncio
import time

from tornado.http1connection import HTTP1Connection

IDLE_TIMEOUT = 9.0
"""Seconds for a client's headers, and seconds that a connection stays open between requests."""
BODY_TIMEOUT = 5.0
"""Seconds for a body; Slack sends its largest in a few milliseconds."""
SWEEP_SECONDS = 1.0


class ClientTimeouts:
    """Requests that wait for their client, oldest first."""

    def __init__(self, seconds: float, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Close a connection after `seconds`, or up to `sweep_seconds` later."""
        self._seconds = seconds
        self._sweep_seconds = sweep_seconds
        self._waiting: dict[object, tuple[float, HTTP1Connection]] = {}
        self._sweeping = False

    def begin(self, request: object, connection: HTTP1Connection) -> None:
        self._waiting[request] = (time.monotonic(), connection)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def end(self, request: object) -> None:
        self._waiting.pop(request, None)

    def _sweep(self) -> None:
        limit = time.monotonic() - self._seconds
        slow = []
        for request, (started, connection) in self._waiting.items():
            if started > limit:
                break
            slow.append((request, connection))
        for request, connection in slow:
            self.end(request)
            connection.stream.close()
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
