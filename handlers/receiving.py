"""Dropping those who send a body too slowly.

Rule: a body arrives within its time or its connection is closed. One timer
looks after all senders, because a timer for each is a cost that every honest
request would pay.
"""

from __future__ import annotations

import asyncio
import time

from tornado.http1connection import HTTP1Connection

BODY_SECONDS = 5.0
"""How long a client may take to send a body; Slack sends its largest in a few milliseconds."""
SWEEP_SECONDS = 1.0


class Receiving:
    """The requests whose bodies are still arriving, oldest first."""

    def __init__(self, body_seconds: float = BODY_SECONDS, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self._body_seconds = body_seconds
        self._sweep_seconds = sweep_seconds
        self._senders: dict[object, tuple[float, HTTP1Connection]] = {}
        self._sweeping = False

    def begin(self, request: object, connection: HTTP1Connection) -> None:
        self._senders[request] = (time.monotonic(), connection)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def end(self, request: object) -> None:
        self._senders.pop(request, None)

    def _sweep(self) -> None:
        limit = time.monotonic() - self._body_seconds
        slow = []
        for request, (begun, connection) in self._senders.items():
            if begun > limit:
                break
            slow.append((request, connection))
        for request, connection in slow:
            self.end(request)
            connection.stream.close()
        self._sweeping = bool(self._senders)
        if self._sweeping:
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
