"""Tornado's HTTP server with our limits, and without work that it repeats for each request."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from latchkey.handlers.transport.limits import MAX_HEADER_BYTES, READ_BYTES
from latchkey.handlers.transport.timeouts import BODY_TIMEOUT


class LatchkeyServer(HTTPServer):
    """Serves the application of `make_application`, which disconnects idle clients itself."""

    # Tornado's Configurable calls this in place of a constructor.
    def initialize(self, application: Application) -> None:  # type: ignore[override]
        super().initialize(
            application,
            body_timeout=BODY_TIMEOUT,
            chunk_size=READ_BYTES,
            max_header_size=MAX_HEADER_BYTES,
            max_body_size=sys.maxsize,  # the application refuses large bodies itself, with a response
        )
        self._all_gone = asyncio.Event()
        # A timer per request; the application's `ClientTimeouts` serves all of them with one.
        self.conn_params.header_timeout = None

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        # Set TCP_NODELAY once. Tornado toggles it around each response (two system calls) to combine
        # partial writes; we write each response in one piece.
        stream.set_nodelay(True)
        stream.set_nodelay = _keep_nodelay  # type: ignore[method-assign]
        super().handle_stream(stream, address)

    async def clients_gone(self, seconds: float) -> None:
        """Wait up to `seconds` until no client is connected.

        A client with an idle connection may just have sent its next request. During a shutdown it still gets
        a response, with `Connection: close`, so that no request is lost.
        """
        if self._connections:
            self._all_gone.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._all_gone.wait()
            except TimeoutError:
                pass

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        if not self._connections:
            self._all_gone.set()


def _keep_nodelay(value: bool) -> None:
    """Do nothing."""
