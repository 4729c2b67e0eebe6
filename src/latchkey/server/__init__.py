"""The server: start-up, wiring, reloading, shutdown."""

from latchkey.server.main import run_and_exit

__all__ = ["run_and_exit"]
