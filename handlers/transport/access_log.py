"""The access log: one line per request, without query string, headers or body."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

NAME = "latchkey.access"

WriteLine: TypeAlias = Callable[[str, str, Mapping[str, object]], None]
"""Called with (logger name, message, fields)."""


def new_request_id() -> str:
    """Return an id that connects a response and its page with its log lines."""
    # Not a secret, so it doesn't need `secrets`, which costs a system call per request.
    return f"{random.getrandbits(64):016x}"


def _write_with_logging(name: str, message: str, fields: Mapping[str, object]) -> None:
    logging.getLogger(name).info(message, extra={"fields": fields})


class AccessLog:
    """Writes one line per finished request."""

    def __init__(self, write: WriteLine | None = None) -> None:
        self.write_with(write)

    def write_with(self, write: WriteLine | None) -> None:
        """Replace the writer; None means Python's logging."""
        self._write = write or _write_with_logging

    def __call__(
        self, method: str, path: str, status: int, started: float, team_id: str | None, request_id: str, client: str
    ) -> None:
        """Log a request; `started` is `time.monotonic()` at its start, `client` the client's address."""
        # Anybody can send any method and any path; a long or unprintable one could flood or forge the log.
        method = method if len(method) <= 20 else "(long method)"
        shown = path if len(path) <= 100 and path.isprintable() else "(unprintable or long path)"
        milliseconds = (time.monotonic() - started) * 1000
        fields = {"ms": f"{milliseconds:.1f}", "team": team_id, "request_id": request_id, "client": client}
        self._write(NAME, f"{method} {shown} {status}", fields)
