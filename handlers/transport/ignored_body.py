"""Serves a page without reading the body of its request: no page takes one, and anyone can send one."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine


class IgnoredBody(HTTPMessageDelegate):
    """Passes on a request as if it had no body, and as the last one of its connection."""

    def __init__(self, page: HTTPMessageDelegate) -> None:
        self._page = page

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        headers.pop("Content-Type", None)  # an empty multipart form would be a 400
        headers["Connection"] = "close"
        self._page.headers_received(start_line, headers)
        self._page.finish()
