"""Tornado's HTTP server with our limits, and without what it does anew for each request.

Rule: whoever is slow, large or idle is dropped, at no cost to an honest request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from latchkey.handlers.transport.limits import LARGEST_BODY
from latchkey.handlers.transport.timeouts import BODY_SECONDS

LARGEST_HEADERS = 64 << 10
"""Bytes; what Slack and browsers send is under 10 kB."""


class LatchkeyServer(HTTPServer):
    """Serves `make_application`'s application, which looks after idle clients itself."""

    # Tornado's Configurable calls this in place of a constructor.
    def initialize(self, application: Application) -> None:  # type: ignore[override]
        super().initialize(
            application, body_timeout=BODY_SECONDS, max_header_size=LARGEST_HEADERS, max_body_size=LARGEST_BODY
        )
        self._nobody = asyncio.Event()
        # Its timer for each request's headers; the application's `Patience` does the same for all at once.
        self.conn_params.header_timeout = None

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        # Set once and for all: Tornado sets it at each response's end and takes it back at the next one's
        # beginning, two system calls a request, to gather what is written in pieces; here nothing is.
        stream.set_nodelay(True)
        stream.set_nodelay = _stays_set  # type: ignore[method-assign]
        super().handle_stream(stream, address)

    async def clients_gone(self, seconds: float) -> None:
        """Return when no client is connected, or after so long.

        A stop waits here: a client whose connection idles may have just sent its next request, and to one
        that is told `Connection: close` in the answer no request is lost.
        """
        if self._connections:
            self._nobody.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._nobody.wait()
            except TimeoutError:
                pass

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        if not self._connections:
            self._nobody.set()


def _stays_set(value: bool) -> None:
    """Leave the socket as it is."""
