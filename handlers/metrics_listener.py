"""GET /metrics on a listener of its own, for Prometheus.

Rule: nothing of the app is reached through this listener, and nothing of this
one through the app's: what is counted is nobody's concern but the operator's.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from latchkey.handlers.transport import shown
from latchkey.metrics import add_process_metrics

METRICS_PATH = "/metrics"
BODY_SECONDS = 5.0
IDLE_SECONDS = 120.0
"""Between two requests of a connection; Prometheus asks once a minute or more often."""
LARGEST_HEADERS = 16 << 10

logger = logging.getLogger("latchkey.metrics")


@asynccontextmanager
async def shown_metrics(registry: CollectorRegistry, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Show the metrics, and those of the process, at these sockets; nowhere if there are none."""
    if not sockets:
        yield
        return
    add_process_metrics(registry)
    server = _server(registry)
    server.add_sockets(sockets)
    logger.info("metrics at http://%s%s", shown(sockets[0].getsockname()[:2]), METRICS_PATH)
    yield
    server.stop()
    await server.close_all_connections()


def _server(registry: CollectorRegistry) -> HTTPServer:
    handed = {"registry": registry}
    application = Application(
        [(METRICS_PATH, MetricsHandler, handed)],
        default_handler_class=NothingHandler,
        log_function=lambda _: None,  # Prometheus asks four times a minute, for years
    )
    return HTTPServer(
        application,
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=BODY_SECONDS,
        max_header_size=LARGEST_HEADERS,
        max_body_size=0,
    )


class _PlainHandler(RequestHandler):
    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.finish(f"{status_code}\n")


class MetricsHandler(_PlainHandler):
    def initialize(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.finish(generate_latest(self._registry))

    head = get


class NothingHandler(_PlainHandler):
    def prepare(self) -> None:
        self.send_error(404)
