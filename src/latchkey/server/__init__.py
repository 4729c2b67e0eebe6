"""The server: start-up, wiring, reloading, shutdown."""

from latchkey.server.main import exit_now, run_and_exit, serve
from latchkey.server.shutdown import drain
from latchkey.server.startup import Startup, prepare
from latchkey.server.supervision import HTTP_SOCKET, Supervisor
from latchkey.server.wiring import services_for

__all__ = [
    "HTTP_SOCKET",
    "Startup",
    "Supervisor",
    "drain",
    "exit_now",
    "prepare",
    "run_and_exit",
    "serve",
    "services_for",
]
