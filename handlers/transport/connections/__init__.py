"""Connections: listening, accepting, reading requests, timeouts, and closing."""

from latchkey.handlers.transport.connections.client_stream import linger_on_close, make_last_request, take_refusal
from latchkey.handlers.transport.connections.clients import Clients
from latchkey.handlers.transport.connections.refusal import Refusal
from latchkey.handlers.transport.connections.server import LatchkeyServer
from latchkey.handlers.transport.connections.sockets import bind_port, bind_unix, format_address, removed_on_exit
from latchkey.handlers.transport.connections.timeouts import ClientTimeouts

__all__ = [
    "ClientTimeouts",
    "Clients",
    "LatchkeyServer",
    "Refusal",
    "bind_port",
    "bind_unix",
    "format_address",
    "linger_on_close",
    "make_last_request",
    "removed_on_exit",
    "take_refusal",
]
