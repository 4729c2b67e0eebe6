"""Tornado's HTTP server with our limits, and without work that it repeats for each request."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterable
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate

from latchkey.handlers.transport.connections.acceptor import Acceptor
from latchkey.handlers.transport.connections.client_stream import ClientStream, take_unreadable
from latchkey.handlers.transport.connections.clients import BODY_TIMEOUT, Clients
from latchkey.handlers.transport.connections.header_lines import HeaderParser
from latchkey.handlers.transport.connections.message import Message, Routes
from latchkey.handlers.transport.limits import MAX_CONNECTIONS, MAX_HEADER_BYTES, READ_BYTES


class LatchkeyServer(HTTPServer):
    """Serves an application to a limited number of clients."""

    # Tornado's Configurable calls this in place of a constructor.
    def initialize(  # type: ignore[override]
        self, routes: Routes, *, clients: Clients | None = None, max_clients: int = MAX_CONNECTIONS
    ) -> None:
        """Beyond `max_clients` connections, idle ones are closed for new ones."""
        super().initialize(
            _refuse_all,
            body_timeout=BODY_TIMEOUT,
            chunk_size=READ_BYTES,
            max_header_size=MAX_HEADER_BYTES,
            max_body_size=sys.maxsize,  # the application refuses large bodies itself, with a response
        )
        self._routes = routes
        self.clients = Clients() if clients is None else clients
        self._acceptor = Acceptor(self.clients, max_clients, self._serve)
        self._all_gone = asyncio.Event()
        self._header_parser = HeaderParser()
        # A timer per request; `Clients` serves all of them with one.
        self.conn_params.header_timeout = None

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        self._acceptor.listen(sockets)

    def stop(self) -> None:
        self._acceptor.stop()

    def _serve(self, connection: socket.socket, address: tuple[Any, ...]) -> None:
        try:
            stream = ClientStream(connection, self.clients.lingering, self.clients.closed)
        except OSError:
            connection.close()  # the client has already gone
            return
        self.clients.opened(stream)
        self.handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        assert isinstance(request_conn, HTTP1Connection)  # Tornado's type allows other protocols
        if getattr(request_conn.stream, "is_last_request", False):
            request_conn.close()
        # It is about to read the headers. Tornado has no other way to replace the parser.
        request_conn._parse_headers = self._header_parser.parse  # type: ignore[method-assign]  # noqa: SLF001
        return Message(server_conn, request_conn, self.clients.idle, self._routes)

    def on_close(self, server_conn: object) -> None:
        assert isinstance(server_conn, HTTP1ServerConnection)  # as above
        super().on_close(server_conn)
        self.clients.idle.end(server_conn)
        unreadable = take_unreadable(server_conn.stream)
        if unreadable is not None:
            self._routes.unreadable(unreadable, server_conn.context)
        if not self._connections:
            self._all_gone.set()

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

    async def close_all_connections(self) -> None:
        await super().close_all_connections()
        self.clients.lingering.close_all()


def _refuse_all(request: object) -> None:
    """Never called: `LatchkeyServer.start_request` serves all requests."""
    raise NotImplementedError
