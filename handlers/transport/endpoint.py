"""Serves one URL below Tornado's RequestHandler, as an HTTPMessageDelegate.

Nearly all requests are events. Behind `BaseHandler` (a RequestHandler that also sets
the pages' security headers), an event cost about 1.65 times the CPU: 333 µs instead of
201 µs, not durable, 32 connections, the medians of two runs of 3 s on a shared machine.
"""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable
from typing import Protocol

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from latchkey.dispatch import EMPTY, Reply
from latchkey.handlers.transport.access_log import AccessLog, new_request_id
from latchkey.handlers.transport.client_address import ClientAddresses
from latchkey.handlers.transport.connections import Clients, linger_on_close, take_unreadable
from latchkey.handlers.transport.framing import asks_to_close
from latchkey.handlers.transport.in_flight import InFlight
from latchkey.handlers.transport.partial_bodies import PartialBodies
from latchkey.slackapi.requests import MAX_BODY_BYTES

RETRY_AFTER_SECONDS = 5
TEXT = "text/plain; charset=utf-8"
_EMPTY_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class EndpointHandler(Protocol):
    """Handles the requests to one URL. Neither method raises; both respond, now or later, to what they refuse."""

    def check(self, request: Request) -> None:
        """Called when the headers have arrived. The body of a request that has a response by then is not read."""

    def handle(self, request: Request) -> None:
        """Called with each complete request that `check` did not refuse."""


class Endpoint:
    """Passes each POST to one URL to its handler."""

    def __init__(
        self,
        path: str,
        handler: EndpointHandler,
        *,
        clients: Clients,
        in_flight: InFlight,
        access_log: AccessLog,
        client_addresses: ClientAddresses,
        count: Callable[[int], None],
    ) -> None:
        """`count` is called with the status of each finished request."""
        self.path = path
        self.handler = handler
        self.in_flight = in_flight
        self.access_log = access_log
        self.client_addresses = client_addresses
        self.count = count
        self.body_timeouts = clients.bodies
        self.partial_bodies = PartialBodies()

    def delegate(self, connection: HTTP1Connection, method: str, body_size: int | None) -> HTTPMessageDelegate:
        """Return the delegate for one request."""
        # `body_timeouts` replaces Tornado's timer per request, at a tenth of its cost.
        connection.set_body_timeout(None)  # type: ignore[arg-type]  # None is its own default
        return Request(self, connection, method, body_size)


class Request(HTTPMessageDelegate):
    """One request, and its response."""

    headers: HTTPHeaders
    """Set before `check` is called."""
    body: bytes
    """Set before `handle` is called."""
    signature: tuple[str, str] | None = None
    """The timestamp and the signature in the headers; set by the handler if they can be Slack's."""

    def __init__(self, endpoint: Endpoint, connection: HTTP1Connection, method: str, body_size: int | None) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self._method = method
        self.body_size = body_size
        """The size that the headers announce; None for a chunked body."""
        self._started = time.monotonic()
        self.request_id = new_request_id()
        self.team_id: str | None = None
        """For the logs; set by the handler when it is known."""
        self.is_accepted = False
        """If true, the request is carried out even if its client disconnects; set by the handler."""
        self.task: asyncio.Task[None] | None = None
        """A reference to the handler's task, if it has one, so that it isn't garbage-collected."""
        self._received: bytes | bytearray = b""
        self._is_partial = False
        self._has_body_arrived = False
        self._is_finished = False
        self._is_disconnected = False
        endpoint.in_flight.begin()
        endpoint.body_timeouts.begin(self, connection.stream)

    @property
    def elapsed(self) -> float:
        """Seconds since the request began."""
        return time.monotonic() - self._started

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        self.headers = headers
        # HTTP/1.1 without a Connection header: the response needs none either.
        self._is_plain = start_line.version == "HTTP/1.1" and not headers.get_list("Connection")
        if self._method != "POST":
            if self.body_size != 0:
                self._refuse_method()
        elif self.body_size is not None and self.body_size > MAX_BODY_BYTES:
            self._refuse_size()
        else:
            self._endpoint.handler.check(self)

    def data_received(self, chunk: bytes) -> None:
        if self._is_finished:
            return
        size = len(self._received) + len(chunk)
        if size > MAX_BODY_BYTES:
            self._refuse_size()
            return
        if size != self.body_size:
            self._is_partial = True
            self._endpoint.partial_bodies.hold(self, len(chunk), self._give_up)
            if self._is_finished:
                return
        if not self._received:
            self._received = chunk  # nearly all bodies arrive in one piece
            return
        if isinstance(self._received, bytes):
            # Not a list of pieces: a sender of single bytes would make each of them cost fifty.
            self._received = bytearray(self._received)
        self._received += chunk

    def finish(self) -> None:
        """Handle the complete request, without a task for each."""
        self._has_body_arrived = True
        self._endpoint.body_timeouts.end(self)
        if self._is_finished:
            return
        if self._method != "POST":
            self._refuse_method()
            return
        if self._is_partial:
            self._endpoint.partial_bodies.release(self)
        self.body = bytes(self._received)
        self._received = b""
        self._endpoint.handler.handle(self)

    def on_connection_close(self) -> None:
        self._is_disconnected = True
        self._endpoint.body_timeouts.end(self)
        if self.is_accepted:
            return
        unreadable = take_unreadable(self._connection.stream)
        if unreadable is None:
            self._end(499)
        else:
            self.request_id = unreadable.request_id
            self._end(unreadable.status)

    def respond(self, reply: Reply, more_headers: dict[str, str] | None = None) -> None:
        """Send the response, unless the client has disconnected, and log the request.

        If the body has not arrived, the connection is closed after the response.
        """
        stream = self._connection.stream
        if not self._has_body_arrived:
            linger_on_close(stream)
        if self._is_disconnected or stream.closed():
            pass
        elif reply == EMPTY and self._is_plain and not self._endpoint.in_flight.stopping:
            # Nearly all responses. The bytes never change; Tornado would build them again each time.
            stream.write(_EMPTY_RESPONSE)
            self._connection.finish()
        else:
            line = ResponseStartLine("HTTP/1.1", reply.status, http.client.responses.get(reply.status, "Unknown"))
            body = b"" if self._method == "HEAD" else reply.body
            self._connection.write_headers(line, self._response_headers(reply, more_headers), body)
            self._connection.finish()
        self._end(reply.status)

    def _refuse_method(self) -> None:
        self.respond(Reply(405, TEXT, b"method not allowed"), {"Allow": "POST"})

    def _refuse_size(self) -> None:
        self.respond(Reply(413, TEXT, b"too large"))

    def _give_up(self) -> None:
        self.respond(Reply(503, TEXT, b"try again later"))

    def _response_headers(self, reply: Reply, more_headers: dict[str, str] | None) -> HTTPHeaders:
        headers = HTTPHeaders()
        headers["Content-Length"] = str(len(reply.body))
        if reply.body:
            headers["Content-Type"] = reply.content_type
        for name, value in reply.headers:
            headers.add(name, value)
        if reply.status != 200:
            headers["X-Request-Id"] = self.request_id
        if more_headers:
            headers.update(more_headers)
        if reply.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        if self._endpoint.in_flight.stopping or not self._has_body_arrived or asks_to_close(self.headers):
            headers["Connection"] = "close"
        return headers

    def _end(self, status: int) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        endpoint = self._endpoint
        if self._is_partial:
            endpoint.partial_bodies.release(self)
        self._received = b""
        endpoint.in_flight.end()
        endpoint.count(status)
        client = endpoint.client_addresses.address(self._connection.context, self.headers)
        endpoint.access_log(self._method, endpoint.path, status, self._started, self.team_id, self.request_id, client)
