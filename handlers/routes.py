"""Maps paths to handlers."""

from __future__ import annotations

import re
import time
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPMessageDelegate, RequestStartLine

from latchkey.handlers.base import BaseHandler
from latchkey.handlers.events import events_endpoint
from latchkey.handlers.health import HealthHandler, ReadyHandler
from latchkey.handlers.install import FAILURES, CallbackHandler, InstalledHandler, InstallHandler
from latchkey.handlers.pages import ICON_PATH
from latchkey.handlers.services import FAVICON_PATH, HEALTH_PATH, READY_PATH, Services
from latchkey.handlers.site import HomeHandler, IconHandler, NotFoundHandler
from latchkey.handlers.transport import PageApplication, UnreadableRequest
from latchkey.metrics import OTHER
from latchkey.slackapi.paths import BOLT_CALLBACK_PATH, CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH, INSTALLED_PATH


def make_application(services: Services) -> LatchkeyApplication:
    """Return the public application."""
    return LatchkeyApplication(services)


class LatchkeyApplication(PageApplication):
    """The pages; requests to the events URL bypass it."""

    def __init__(self, services: Services) -> None:
        arguments = {"services": services}
        callback_paths = {CALLBACK_PATH, BOLT_CALLBACK_PATH, services.callback_path}
        services.metrics.installs.start_at_zero(failure.reason for failure in FAILURES)
        super().__init__(
            [
                *[(re.escape(path), InstallHandler, arguments) for path in {INSTALL_PATH, services.install_path}],
                *[(re.escape(path), CallbackHandler, arguments) for path in callback_paths],
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
        self._services = services

    def delegate(
        self, connection: HTTP1Connection, line: RequestStartLine, body_size: int | None
    ) -> HTTPMessageDelegate:
        if line.path.partition("?")[0] == EVENTS_PATH:
            return self.events.delegate(connection, line.method, body_size)
        return super().delegate(connection, line, body_size)

    def unreadable(self, request: UnreadableRequest, context: Any) -> None:
        """Count and log a request that could not be read."""
        services = self._services
        services.metrics.requests[services.endpoints.get(request.path, OTHER), request.status].inc()
        services.access_log(
            request.method,
            request.path,
            request.status,
            time.monotonic(),
            None,
            request.request_id,
            services.client_addresses.address(context, {}),
        )
