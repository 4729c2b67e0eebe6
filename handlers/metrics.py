"""GET /metrics on a listener of its own, for Prometheus.

Rule: nothing of the app is reached through this listener, and nothing of this
one through the app's: what is counted is nobody's concern but the operator's.
"""

from __future__ import annotations

import logging

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

METRICS_PATH = "/metrics"
SECONDS = 5.0
"""For a request's headers, and between two of one connection a minute: Prometheus asks four times a minute."""
IDLE_SECONDS = 120.0
LARGEST_HEADERS = 16 << 10

logger = logging.getLogger("latchkey.metrics")


def make_metrics_server(registry: CollectorRegistry) -> HTTPServer:
    """Return the server, without a socket yet."""
    handed = {"registry": registry}
    application = Application(
        [(METRICS_PATH, MetricsHandler, handed)],
        default_handler_class=NothingHandler,
        log_function=lambda _: None,  # Prometheus asks four times a minute, for years
    )
    return HTTPServer(
        application,
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=SECONDS,
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
