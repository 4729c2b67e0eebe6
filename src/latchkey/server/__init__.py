"""The server: start-up, wiring, reloading, shutdown."""

from latchkey.server.main import main

__all__ = ["main"]
