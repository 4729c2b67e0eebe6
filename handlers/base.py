"""The base class of pages: request ids, security headers, and logs without secrets.

Invariant: Tornado logs whole URLs, and so a callback's `code` and `state`. All three
places are overridden: the access log, the exception log, and the error page.
"""

from __future__ import annotations

import logging
import time
from asyncio import Future
from types import TracebackType
from typing import Any

from tornado.web import HTTPError

from latchkey.dispatch import Reply
from latchkey.handlers.pages import CONTENT_SECURITY_POLICY
from latchkey.handlers.services import Services
from latchkey.handlers.transport import PageHandler, new_request_id
from latchkey.metrics import OTHER

logger = logging.getLogger("latchkey.http")

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # A callback's URL holds a code; the page must not pass it on as its referrer.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_HSTS = "max-age=31536000"


class BaseHandler(PageHandler):
    """A request for a page."""

    services: Services

    def initialize(self, services: Services) -> None:
        self.services = services
        self._counted = False

    def set_default_headers(self) -> None:
        # Called by Tornado's constructor, before `initialize`, and again before an error's page.
        self.request_id = getattr(self, "request_id", None) or new_request_id()
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("X-Request-Id", self.request_id)

    def prepare(self) -> None:
        self.services.in_flight.begin()
        self._counted = True

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        # Not in `prepare`: an error begins with the default headers again.
        if self.services.is_https:
            self.set_header("Strict-Transport-Security", _HSTS)
        if self.services.in_flight.stopping:
            self.set_header("Connection", "close")
        return super().finish(chunk)

    def on_finish(self) -> None:
        if self._counted:
            self._counted = False
            self.services.in_flight.end()

    def on_connection_close(self) -> None:
        # Tornado doesn't call `on_finish` for a client that disconnected, but the coroutine runs to its end.
        super().on_connection_close()
        self.on_finish()

    def compute_etag(self) -> str | None:
        return None

    def write_page(self, html: bytes, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(html)

    def write_reply(self, reply: Reply) -> None:
        """Respond with an app's own page, which may load what it likes and may belong to a window of its own."""
        self.clear_header("Content-Security-Policy")
        self.clear_header("Cross-Origin-Opener-Policy")
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        for name in {name for name, _ in reply.headers if name.lower() != "set-cookie"}:
            self.clear_header(name)
        for name, value in reply.headers:
            self.add_header(name, value)
        self.finish(None if reply.status in (204, 304) else reply.body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.write_page(self.services.pages.error(status_code, self.request_id), status_code)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        if isinstance(value, HTTPError) and value.status_code < 500:
            return  # the access log has the status; the message may quote the request
        logger.error("%s failed request_id=%s", type(self).__name__, self.request_id, exc_info=(typ, value, tb))  # type: ignore[arg-type]

    def log_access(self) -> None:
        elapsed = self.request.request_time()
        context = getattr(self.request.connection, "context", None)
        self.services.metrics.requests[self.services.endpoints.get(self.request.path, OTHER), self.get_status()].inc()
        self.services.access_log(
            self.request.method or "-",
            self.request.path,
            self.get_status(),
            time.monotonic() - elapsed,
            getattr(self, "team_id", None),
            self.request_id,
            self.services.client_addresses.address(context, self.request.headers),
        )
