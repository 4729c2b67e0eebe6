"""Requests that cannot be read, and so have no handler, and the responses to them."""

from __future__ import annotations

from typing import NamedTuple

from tornado.httputil import RequestStartLine

from latchkey.handlers.transport.access_log import new_request_id

UNKNOWN = "-"
"""The method and the path of a request whose first line cannot be read."""
_REASONS = {400: ("Bad Request", b""), 431: ("Request Header Fields Too Large", b"headers too large\n")}


class UnreadableRequest(NamedTuple):
    """A request that the connection itself responds to."""

    status: int
    """Of the response."""
    request_id: str
    method: str = UNKNOWN
    path: str = UNKNOWN

    @classmethod
    def of(cls, status: int, line: RequestStartLine | None) -> UnreadableRequest:
        """Return the request with a new id; `line` is None if its first line was not read."""
        if line is None:
            return cls(status, new_request_id())
        return cls(status, new_request_id(), line.method, line.path.partition("?")[0])

    def response(self) -> bytes:
        """Return the whole response; the connection is closed after it."""
        reason, body = _REASONS[self.status]
        lines = [f"HTTP/1.1 {self.status} {reason}", "Connection: close", f"X-Request-Id: {self.request_id}"]
        lines += ["Content-Type: text/plain; charset=utf-8"] if body else []
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("ascii") + body
