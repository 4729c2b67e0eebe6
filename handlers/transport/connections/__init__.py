"""Connections: listening, accepting, reading requests, timeouts, and closing."""

from latchkey.handlers.transport.connections.client_stream import linger_on_close, make_last_request, take_unreadable
from latchkey.handlers.transport.connections.clients import Clients
from latchkey.handlers.transport.connections.server import LatchkeyServer
from latchkey.handlers.transport.connections.sockets import bind_port, bind_unix, format_address, removed_on_exit
from latchkey.handlers.transport.connections.timeouts import ClientTimeouts
from latchkey.handlers.transport.connections.unreadable_request import UnreadableRequest

__all__ = [
    "ClientTimeouts",
    "Clients",
    "LatchkeyServer",
    "UnreadableRequest",
    "bind_port",
    "bind_unix",
    "format_address",
    "linger_on_close",
    "make_last_request",
    "removed_on_exit",
    "take_unreadable",
]
