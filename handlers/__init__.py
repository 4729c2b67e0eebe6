"""HTTP in, HTTP out. The one folder that knows Tornado's handlers; what a request means is decided elsewhere."""

from latchkey.handlers.metrics_listener import shown_metrics
from latchkey.handlers.routes import make_application
from latchkey.handlers.services import Services
from latchkey.handlers.transport import (
    AccessLog,
    Clients,
    LatchkeyServer,
    bind_port,
    bind_unix,
    removed_at_the_end,
    shown,
)

__all__ = [
    "AccessLog",
    "Clients",
    "LatchkeyServer",
    "Services",
    "bind_port",
    "bind_unix",
    "make_application",
    "removed_at_the_end",
    "shown",
    "shown_metrics",
]
