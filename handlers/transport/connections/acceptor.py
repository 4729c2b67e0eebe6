"""Accepts connections, up to a maximum and as long as there are file descriptors.

Tornado's own accept loop fails and is called again at once while descriptors are short, which takes a whole core and
logs a traceback each time.

Invariant: new clients are always let in, at the cost of idle ones, so that strangers who keep connections open cannot
keep Slack out. At most a few hundred connections a second are closed for it, so that reconnecting strangers
cannot take the processor either.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable

from latchkey.handlers.transport.connections.clients import Clients

PAUSE_SECONDS = 0.025
"""Between two attempts while nothing can be accepted."""
MAX_CLOSED_PER_PAUSE = 16
"""Connections that are closed for new ones although they were idle for less than a second; never more than half of
all, so that a new client can send its request."""
MAX_ACCEPTED_AT_ONCE = 128
"""Per event loop iteration, so that other clients are served meanwhile."""
QUIET_SECONDS = 10.0
"""Without a shortage after which it is over."""
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

logger = logging.getLogger("latchkey.http")


class Acceptor:
    """Accepts on listening sockets, and pauses while there is no room."""

    def __init__(
        self, clients: Clients, max_clients: int, on_accepted: Callable[[socket.socket, tuple[object, ...]], None]
    ) -> None:
        self._clients = clients
        self._max_clients = max_clients
        self._max_closed = min(MAX_CLOSED_PER_PAUSE, max_clients // 2)
        self._on_accepted = on_accepted
        self._listening: list[socket.socket] = []
        self._closed = 0
        self._is_paused = False
        self._shortage = Shortage()

    def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections on these sockets too."""
        for listening in sockets:
            self._listening.append(listening)
            self._watch(listening)

    def stop(self) -> None:
        """Close the listening sockets."""
        loop = asyncio.get_running_loop()
        for listening in self._listening:
            loop.remove_reader(listening)
            listening.close()
        self._listening.clear()

    def _watch(self, listening: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(MAX_ACCEPTED_AT_ONCE):
            # One more than the maximum is accepted: only then is it known that somebody needs the room.
            if len(self._clients) > self._max_clients and not self._make_room():
                return
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._shortage.note(f"no connection can be accepted: {error.strerror}")
                if error.errno in _NO_DESCRIPTORS:
                    self._make_room()
                self._pause()
                return
            self._on_accepted(connection, address)
            if len(self._clients) > self._max_clients:
                self._shortage.note(f"{self._max_clients} connections are open, the maximum")
                if not self._make_room():
                    return

    def _make_room(self) -> bool:
        """Close an idle connection; returns whether to go on accepting, and otherwise pauses."""
        seconds = self._clients.close_idlest()
        self._closed += seconds is not None and seconds < 1
        if seconds is None or self._closed >= self._max_closed:
            self._pause()
            return False
        return True

    def _pause(self) -> None:
        if self._is_paused:
            return
        self._is_paused = True
        loop = asyncio.get_running_loop()
        for listening in self._listening:
            loop.remove_reader(listening)
        loop.call_later(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._is_paused = False
        self._closed = 0
        for listening in self._listening:
            self._watch(listening)


class Shortage:
    """Logs when connections or descriptors become short, and when they are no longer; nothing in between."""

    def __init__(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._quiet_seconds = quiet_seconds
        self._began: float | None = None
        self._latest = 0.0

    def note(self, what: str) -> None:
        """Report that something is short."""
        loop = asyncio.get_running_loop()
        self._latest = loop.time()
        if self._began is None:
            self._began = self._latest
            logger.warning("%s; idle ones are closed for new ones until it is over", what)
            loop.call_later(self._quiet_seconds, self._check)

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        remaining = self._latest + self._quiet_seconds - loop.time()
        if remaining > 0:
            loop.call_later(remaining, self._check)
        elif self._began is not None:
            logger.warning("there is room for connections again, after %.0f s", self._latest - self._began)
            self._began = None
