"""Serves pages: for GET and HEAD, and without reading a body, because no page takes one and anyone can send one."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.web import Application, RequestHandler

from latchkey.handlers.transport.connections import UnreadableRequest, linger_on_close, make_last_request
from latchkey.handlers.transport.framing import asks_to_close


class PageApplication(Application):
    """Tornado's Application, for LatchkeyServer."""

    def delegate(
        self, connection: HTTP1Connection, line: RequestStartLine, body_size: int | None
    ) -> HTTPMessageDelegate:
        """Return the delegate for one request."""
        page = self.start_request(None, connection)
        return page if body_size == 0 else IgnoredBody(page, connection)

    def unreadable(self, request: UnreadableRequest, context: Any) -> None:
        """Do nothing for a request that could not be read."""


class IgnoredBody(HTTPMessageDelegate):
    """Passes on a request as if it had no body, and as the last one of its connection."""

    def __init__(self, page: HTTPMessageDelegate, connection: HTTP1Connection) -> None:
        self._page = page
        linger_on_close(connection.stream)
        make_last_request(connection.stream)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        headers.pop("Content-Type", None)  # an empty multipart form would be a 400
        headers.pop("Expect", None)
        headers["Connection"] = "close"
        self._page.headers_received(start_line, headers)
        self._page.finish()


class PageHandler(RequestHandler):
    """The base class of all pages."""

    # 405 also for unknown methods, where HTTP suggests 501: strangers must not be able to raise the rate of 5xx.
    SUPPORTED_METHODS = ("GET", "HEAD")

    def head(self) -> Awaitable[None] | None:
        """Do what GET does; Tornado leaves out the body."""
        return self.get()

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        """Send the response, with `Connection: close` if it is the connection's last one."""
        if asks_to_close(self.request.headers):
            self.set_header("Connection", "close")
        return super().finish(chunk)

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status, and for 405 the header that HTTP requires with it."""
        super().set_status(status_code, reason)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
