"""The connected clients of one server, and which of them to disconnect if there are too many."""

from __future__ import annotations

import asyncio

from tornado.iostream import IOStream

from latchkey.handlers.transport.connections.lingering import Lingering
from latchkey.handlers.transport.connections.timeouts import SWEEP_SECONDS, ClientTimeouts

IDLE_TIMEOUT = 9.0
"""Seconds for a client's headers, and seconds that a connection stays open between requests."""
BODY_TIMEOUT = 5.0
"""Seconds for a body; Slack sends its largest in a few milliseconds."""
UNREAD_SECONDS = 10.0
"""Seconds after which a client that does not read its response is disconnected, up to twice as many."""


class Clients:
    """The open connections."""

    def __init__(
        self,
        *,
        idle_timeout: float = IDLE_TIMEOUT,
        body_timeout: float = BODY_TIMEOUT,
        unread_seconds: float = UNREAD_SECONDS,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self.idle = ClientTimeouts(idle_timeout, sweep_seconds)
        """Connections on which no request has begun, or whose headers are incomplete."""
        self.bodies = ClientTimeouts(body_timeout, sweep_seconds)
        """Requests whose body is incomplete."""
        self.lingering = Lingering()
        self._unread_seconds = unread_seconds
        self._open: set[IOStream] = set()
        self._unread: set[IOStream] = set()
        self._is_checking = False

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._open)

    def opened(self, stream: IOStream) -> None:
        self._open.add(stream)
        if not self._is_checking:
            self._is_checking = True
            asyncio.get_running_loop().call_later(self._unread_seconds, self._close_unread)

    def closed(self, stream: IOStream) -> None:
        self._open.discard(stream)
        self._unread.discard(stream)

    def close_idlest(self) -> float | None:
        """Close the connection with the least reason to be open.

        Returns for how many seconds the server has waited for its client, or None if every client waits for a response.
        """
        if self.lingering.close_oldest():
            return 0.0
        for waiting in (self.idle, self.bodies):
            seconds = waiting.close_oldest()
            if seconds is not None:
                return seconds
        for stream in self._open:
            if stream.writing():
                stream.close()
                return 0.0
        return None

    def _close_unread(self) -> None:
        """Close connections that had unsent data at the last check and have some now."""
        unread = {stream for stream in self._open if stream.writing()}
        for stream in unread & self._unread:
            stream.close()
        self._unread = {stream for stream in unread if not stream.closed()}
        self._is_checking = bool(self._open)
        if self._is_checking:
            asyncio.get_running_loop().call_later(self._unread_seconds, self._close_unread)
