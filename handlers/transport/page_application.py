"""Serves pages, which never read a body: none takes one, and anyone can send one."""

from __future__ import annotations

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.web import Application

from latchkey.handlers.transport.connections import linger_on_close


class PageApplication(Application):
    """Tornado's Application, for LatchkeyServer."""

    def delegate(
        self, connection: HTTP1Connection, line: RequestStartLine, body_size: int | None
    ) -> HTTPMessageDelegate:
        """Return the delegate for one request."""
        page = self.start_request(None, connection)
        return page if body_size == 0 else IgnoredBody(page, connection)


class IgnoredBody(HTTPMessageDelegate):
    """Passes on a request as if it had no body, and as the last one of its connection."""

    def __init__(self, page: HTTPMessageDelegate, connection: HTTP1Connection) -> None:
        self._page = page
        linger_on_close(connection.stream)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        headers.pop("Content-Type", None)  # an empty multipart form would be a 400
        headers["Connection"] = "close"
        self._page.headers_received(start_line, headers)
        self._page.finish()
