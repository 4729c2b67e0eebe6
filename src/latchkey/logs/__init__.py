"""Logging: its format, the secrets that are removed from it, and writing without ever waiting."""

from latchkey.logs.configuring import LineWriter, configure, print_error
from latchkey.logs.log_stream import LogStream
from latchkey.logs.scrubbing import HIDDEN, without_tokens

__all__ = [
    "HIDDEN",
    "LineWriter",
    "LogStream",
    "configure",
    "print_error",
    "without_tokens",
]
