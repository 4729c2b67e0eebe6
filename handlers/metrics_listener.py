"""GET /metrics on a listener of its own, for Prometheus.

The metrics listener serves only metrics, and the public one never does.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from latchkey.handlers.transport import Clients, LatchkeyServer, PageApplication, PageHandler, format_address
from latchkey.metrics import add_process_metrics

METRICS_PATH = "/metrics"
MAX_CLIENTS = 16
"""Open connections; a Prometheus needs one."""

logger = logging.getLogger("latchkey.metrics")


@asynccontextmanager
async def serve_metrics(
    registry: CollectorRegistry, sockets: list[socket.socket], clients: Clients | None = None
) -> AsyncIterator[None]:
    """Serve the metrics, and those of the process, on these sockets until the block ends.

    `clients` has the timeouts; without it, they are those of the public application.
    """
    if not sockets:
        yield
        return
    add_process_metrics(registry)
    server = LatchkeyServer(_application(registry), clients=clients, max_clients=MAX_CLIENTS)
    server.add_sockets(sockets)
    logger.info("metrics at http://%s%s", format_address(sockets[0].getsockname()[:2]), METRICS_PATH)
    yield
    server.stop()
    await server.close_all_connections()


def _application(registry: CollectorRegistry) -> PageApplication:
    arguments = {"registry": registry}
    return PageApplication(
        [(METRICS_PATH, MetricsHandler, arguments)],
        default_handler_class=MetricsNotFoundHandler,
        log_function=lambda _: None,  # a log line per scrape would be noise
    )


class _PlainHandler(PageHandler):
    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.finish(f"{self.get_status()}\n")


class MetricsHandler(_PlainHandler):
    def initialize(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.finish(generate_latest(self._registry))


class MetricsNotFoundHandler(_PlainHandler):
    def prepare(self) -> None:
        self.send_error(404)

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        super().set_status(404)  # for every method
