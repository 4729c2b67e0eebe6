"""The command line."""

from latchkey.cli.main import main

__all__ = ["main"]
