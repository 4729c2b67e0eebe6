"""HTTP: the public application and the metrics listener. Only this package knows Tornado's handlers."""

from latchkey.handlers.metrics_listener import serve_metrics
from latchkey.handlers.pages import AppProfile, Pages
from latchkey.handlers.receipts import Receipts
from latchkey.handlers.routes import make_application
from latchkey.handlers.services import Services
from latchkey.handlers.transport import (
    MAX_CONNECTIONS,
    AccessLog,
    ClientAddresses,
    LatchkeyServer,
    bind_port,
    bind_unix,
    format_address,
    removed_on_exit,
)

__all__ = [
    "MAX_CONNECTIONS",
    "AccessLog",
    "AppProfile",
    "ClientAddresses",
    "LatchkeyServer",
    "Pages",
    "Receipts",
    "Services",
    "bind_port",
    "bind_unix",
    "format_address",
    "make_application",
    "removed_on_exit",
    "serve_metrics",
]
