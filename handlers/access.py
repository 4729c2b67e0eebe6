"""The access log: one line a request, and never a query string, a header or a body in it."""

from __future__ import annotations

import logging
import secrets
import time

logger = logging.getLogger("latchkey.access")


def new_request_id() -> str:
    """Return the id by which a response, its page and its log lines are found together."""
    return secrets.token_hex(8)


def log_request(method: str, path: str, status: int, begun: float, team_id: str | None, request_id: str) -> None:
    """Log a finished request; `begun` is `time.monotonic()` at its start."""
    if not logger.isEnabledFor(logging.INFO):
        return
    milliseconds = (time.monotonic() - begun) * 1000
    # A path is a stranger's text: what is long or unprintable in it is not for a log.
    shown = path if len(path) <= 100 and path.isprintable() else "(unprintable or long path)"
    fields = {"ms": f"{milliseconds:.1f}", "team": team_id, "request_id": request_id}
    logger.info("%s %s %d", method, shown, status, extra={"fields": fields})
