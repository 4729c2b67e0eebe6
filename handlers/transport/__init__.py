"""Sockets, connections, timeouts and the access log, below the handlers."""

from latchkey.handlers.transport.access_log import AccessLog, new_request_id
from latchkey.handlers.transport.client_address import ClientAddresses
from latchkey.handlers.transport.connections import (
    Clients,
    LatchkeyServer,
    UnreadableRequest,
    bind_port,
    bind_unix,
    format_address,
    removed_on_exit,
)
from latchkey.handlers.transport.endpoint import TEXT, Endpoint, Request
from latchkey.handlers.transport.framing import asks_to_close
from latchkey.handlers.transport.in_flight import InFlight
from latchkey.handlers.transport.limits import MAX_CONNECTIONS, MAX_UNSIGNED_BODY_BYTES
from latchkey.handlers.transport.page_application import PageApplication, PageHandler

__all__ = [
    "MAX_CONNECTIONS",
    "MAX_UNSIGNED_BODY_BYTES",
    "TEXT",
    "AccessLog",
    "ClientAddresses",
    "Clients",
    "Endpoint",
    "InFlight",
    "LatchkeyServer",
    "PageApplication",
    "PageHandler",
    "Request",
    "UnreadableRequest",
    "asks_to_close",
    "bind_port",
    "bind_unix",
    "format_address",
    "new_request_id",
    "removed_on_exit",
]
