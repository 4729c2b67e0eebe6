"""Closes a connection so that its client can read the last response, though part of its request was not read.

Closed at once, the kernel would answer what still arrives with a reset, and the client could lose the response.
So the server first ends only its own direction, and discards what arrives for a moment (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

LINGER_SECONDS = 1.0
MAX_LINGERING = 16
"""More connections are closed at once, so that strangers cannot keep many open with it."""
MAX_DISCARDED_BYTES = 8 << 20
_PIECE = 64 << 10


class Lingering:
    """The connections that are being closed, oldest first."""

    def __init__(self) -> None:
        self._open: dict[socket.socket, Callable[[], None]] = {}

    def close(self, connection: socket.socket, on_closed: Callable[[], None]) -> None:
        """Close the connection in a moment, or at once if there are too many; `on_closed` is then called."""
        self._open[connection] = on_closed
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        if len(self._open) > MAX_LINGERING:
            self._close(connection)
            return
        loop = asyncio.get_running_loop()
        discarded = 0

        def discard() -> None:
            nonlocal discarded
            try:
                received = len(connection.recv(_PIECE))
            except BlockingIOError:
                return
            except OSError:
                received = 0
            discarded += received
            if not received or discarded > MAX_DISCARDED_BYTES:
                self._close(connection)

        loop.add_reader(connection, discard)
        loop.call_later(LINGER_SECONDS, self._close, connection)

    def close_oldest(self) -> bool:
        """Close a connection at once; returns whether there was one."""
        for connection in self._open:
            self._close(connection)
            return True
        return False

    def close_all(self) -> None:
        while self.close_oldest():
            pass

    def _close(self, connection: socket.socket) -> None:
        on_closed = self._open.pop(connection, None)
        if on_closed is None:
            return  # it is closed, and its descriptor may belong to another one by now
        asyncio.get_running_loop().remove_reader(connection)
        connection.close()
        on_closed()
