"""GET /metrics on a listener of its own, for Prometheus.

The metrics listener serves only metrics, and the public one never does.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from latchkey.handlers.transport import format_address
from latchkey.metrics import add_process_metrics

METRICS_PATH = "/metrics"
BODY_TIMEOUT = 5.0
IDLE_TIMEOUT = 120.0
"""Seconds between two requests of a connection; Prometheus scrapes once a minute or more often."""
MAX_HEADER_BYTES = 16 << 10

logger = logging.getLogger("latchkey.metrics")


@asynccontextmanager
async def serve_metrics(registry: CollectorRegistry, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Serve the metrics, and those of the process, on these sockets until the block ends."""
    if not sockets:
        yield
        return
    add_process_metrics(registry)
    server = _server(registry)
    server.add_sockets(sockets)
    logger.info("metrics at http://%s%s", format_address(sockets[0].getsockname()[:2]), METRICS_PATH)
    yield
    server.stop()
    await server.close_all_connections()


def _server(registry: CollectorRegistry) -> HTTPServer:
    arguments = {"registry": registry}
    application = Application(
        [(METRICS_PATH, MetricsHandler, arguments)],
        default_handler_class=MetricsNotFoundHandler,
        log_function=lambda _: None,  # a log line per scrape would be noise
    )
    return HTTPServer(
        application,
        idle_connection_timeout=IDLE_TIMEOUT,
        body_timeout=BODY_TIMEOUT,
        max_header_size=MAX_HEADER_BYTES,
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


class MetricsNotFoundHandler(_PlainHandler):
    def prepare(self) -> None:
        self.send_error(404)
