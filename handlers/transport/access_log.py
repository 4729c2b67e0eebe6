"""The access log: one line a request, and never a query string, a header or a body in it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

NAME = "latchkey.access"

WriteLine: TypeAlias = Callable[[str, str, Mapping[str, object]], None]
"""Takes the logger's name, a message and its fields."""


def new_request_id() -> str:
    """Return the id by which a response, its page and its log lines are found together."""
    # It is no secret, and the system's generator would cost a system call for each request.
    return f"{random.getrandbits(64):016x}"


def through_logging(name: str, message: str, fields: Mapping[str, object]) -> None:
    """Write a line by way of Python's logging."""
    logging.getLogger(name).info(message, extra={"fields": fields})


class AccessLog:
    """Writes a line for each finished request."""

    def __init__(self, write: WriteLine | None = None) -> None:
        self.write_with(write)

    def write_with(self, write: WriteLine | None) -> None:
        """Write so from now on; None: by way of Python's logging."""
        self._write = write or through_logging

    def __call__(
        self, method: str, path: str, status: int, begun: float, team_id: str | None, request_id: str, client: str
    ) -> None:
        """Log a request; `begun` is `time.monotonic()` at its start, `client` is what `Clients` says."""
        # A path is a stranger's text: what is long or unprintable in it is not for a log.
        shown = path if len(path) <= 100 and path.isprintable() else "(unprintable or long path)"
        milliseconds = (time.monotonic() - begun) * 1000
        fields = {"ms": f"{milliseconds:.1f}", "team": team_id, "request_id": request_id, "client": client}
        self._write(NAME, f"{method} {shown} {status}", fields)
