"""Sockets, connections, timeouts and access log, below the handlers."""

from latchkey.handlers.transport.access_log import AccessLog, new_request_id
from latchkey.handlers.transport.client_address import Clients
from latchkey.handlers.transport.limits import LARGEST_BODY
from latchkey.handlers.transport.server import LatchkeyServer
from latchkey.handlers.transport.sockets import bind_port, bind_unix, removed_at_the_end, shown
from latchkey.handlers.transport.timeouts import BODY_SECONDS, IDLE_SECONDS, Patience

__all__ = [
    "BODY_SECONDS",
    "IDLE_SECONDS",
    "LARGEST_BODY",
    "AccessLog",
    "Clients",
    "LatchkeyServer",
    "Patience",
    "bind_port",
    "bind_unix",
    "new_request_id",
    "removed_at_the_end",
    "shown",
]
