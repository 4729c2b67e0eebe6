"""Disconnects slow clients: slow with their headers, slow with a body, or idle between two requests.

One timer serves all clients, because a timer per request would cost every request.
"""

from __future__ import annotations

import asyncio
import time

from tornado.iostream import IOStream

SWEEP_SECONDS = 1.0


class ClientTimeouts:
    """Clients that the server waits for, oldest first."""

    def __init__(self, seconds: float, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Close a connection after `seconds`, or up to `sweep_seconds` later."""
        self._seconds = seconds
        self._sweep_seconds = sweep_seconds
        self._waiting: dict[object, tuple[float, IOStream]] = {}
        self._sweeping = False

    def begin(self, key: object, stream: IOStream) -> None:
        """Wait for the client of this stream, until `end` is called with the same key."""
        self._waiting[key] = (time.monotonic(), stream)
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def end(self, key: object) -> None:
        self._waiting.pop(key, None)

    def close_oldest(self) -> float | None:
        """Close the connection that has been waited for longest, and return for how many seconds; None if none is."""
        for key, (started, stream) in self._waiting.items():
            self.end(key)
            stream.close()
            return time.monotonic() - started
        return None

    def _sweep(self) -> None:
        limit = time.monotonic() - self._seconds
        slow = []
        for key, (started, stream) in self._waiting.items():
            if started > limit:
                break
            slow.append((key, stream))
        for key, stream in slow:
            self.end(key)
            stream.close()
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
