"""Maps paths to handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application

from latchkey.handlers.base import BaseHandler
from latchkey.handlers.events import events_endpoint
from latchkey.handlers.health import HealthHandler, ReadyHandler
from latchkey.handlers.install import FAILURES, CallbackHandler, InstalledHandler, InstallHandler
from latchkey.handlers.pages import ICON_PATH
from latchkey.handlers.services import FAVICON_PATH, HEALTH_PATH, READY_PATH, Services
from latchkey.handlers.site import HomeHandler, IconHandler, NotFoundHandler
from latchkey.handlers.transport import IDLE_TIMEOUT, ClientTimeouts, Endpoint, IgnoredBody, announced_size
from latchkey.slackapi.paths import BOLT_CALLBACK_PATH, CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH, INSTALLED_PATH


def make_application(services: Services) -> Application:
    """Return the public application."""
    return LatchkeyApplication(services)


class LatchkeyApplication(Application):
    """Tornado's Application for the pages; requests to the events URL bypass it."""

    def __init__(self, services: Services) -> None:
        arguments = {"services": services}
        services.metrics.installs.start_at_zero(failure.reason for failure in FAILURES)
        super().__init__(
            [
                (INSTALL_PATH, InstallHandler, arguments),
                (CALLBACK_PATH, CallbackHandler, arguments),
                (BOLT_CALLBACK_PATH, CallbackHandler, arguments),
                (INSTALLED_PATH, InstalledHandler, arguments),
                (HEALTH_PATH, HealthHandler, arguments),
                (READY_PATH, ReadyHandler, arguments),
                ("/", HomeHandler, arguments),
                (ICON_PATH, IconHandler, arguments),
                (FAVICON_PATH, IconHandler, arguments),
            ],
            default_handler_class=NotFoundHandler,
            default_handler_args=arguments,
            log_function=BaseHandler.log_access,
        )
        self.events = events_endpoint(services)
        self._idle = ClientTimeouts(IDLE_TIMEOUT)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        assert isinstance(request_conn, HTTP1Connection)  # Tornado's type allows other protocols
        return _PathSwitch(self.events, self._idle, request_conn, partial(super().start_request, server_conn))


class _PathSwitch(HTTPMessageDelegate):
    """Chooses the delegate once the path is known, and forwards everything to it."""

    def __init__(
        self,
        events: Endpoint,
        idle: ClientTimeouts,
        connection: HTTP1Connection,
        pages: Callable[[HTTP1Connection], HTTPMessageDelegate],
    ) -> None:
        self._events = events
        self._idle = idle
        self._connection = connection
        self._pages = pages
        self._chosen = HTTPMessageDelegate()
        idle.begin(self, connection)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)  # a server receives requests
        self._idle.end(self)
        if start_line.path.partition("?")[0] == EVENTS_PATH:
            self._chosen = self._events.delegate(self._connection, start_line.method)
        else:
            page = self._pages(self._connection)
            self._chosen = page if announced_size(headers) == 0 else IgnoredBody(page)
        return self._chosen.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._chosen.data_received(chunk)

    def finish(self) -> None:
        self._chosen.finish()

    def on_connection_close(self) -> None:
        self._chosen.on_connection_close()
