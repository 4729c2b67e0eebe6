"""One request on a connection, until it is known what serves it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, RequestStartLine, ResponseStartLine

from latchkey.handlers.transport.connections.client_stream import make_last_request, note_line
from latchkey.handlers.transport.connections.timeouts import ClientTimeouts
from latchkey.handlers.transport.connections.unreadable_request import UnreadableRequest
from latchkey.handlers.transport.framing import announced_size, asks_to_close, origin_form, settle_expectation


class Routes(Protocol):
    """Chooses what serves a request."""

    def delegate(
        self, connection: HTTP1Connection, line: RequestStartLine, body_size: int | None
    ) -> HTTPMessageDelegate:
        """Return the delegate; the target in `line` is a path and a query, and `body_size` is None if it is chunked."""

    def unreadable(self, request: UnreadableRequest, context: Any) -> None:
        """Called with a request that could not be read and has no delegate; `context` is that of its connection."""


class Message(HTTPMessageDelegate):
    """Checks the headers as HTTP requires, chooses the delegate, and forwards everything to it."""

    _delegate: HTTPMessageDelegate = HTTPMessageDelegate()
    """Does nothing, until the headers are known."""

    def __init__(
        self, server_connection: object, connection: HTTP1Connection, idle: ClientTimeouts, routes: Routes
    ) -> None:
        self._server_connection = server_connection
        self._connection = connection
        self._idle = idle
        self._routes = routes
        idle.begin(server_connection, connection.stream)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)  # a server receives requests
        self._idle.end(self._server_connection)
        if not start_line.path.startswith("/"):
            start_line = origin_form(start_line, headers)
        if headers.get_list("Connection") and asks_to_close(headers):
            make_last_request(self._connection.stream)
        if headers.get_list("Expect"):
            settle_expectation(start_line.version, headers)
        try:
            if len(headers.get_list("Host")) != 1 and start_line.version != "HTTP/1.0":
                raise HTTPInputError("not exactly one Host header")
            body_size = announced_size(start_line.version, headers)
        except HTTPInputError:
            note_line(self._connection.stream, start_line)
            raise
        self._delegate = self._routes.delegate(self._connection, start_line, body_size)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
