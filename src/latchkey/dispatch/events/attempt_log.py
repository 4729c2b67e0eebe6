"""Logs the end of each attempt at an event, if `[log] events` is true."""

from __future__ import annotations

import logging
import time
from typing import Literal

from latchkey.dispatch.events.job import Job

logger = logging.getLogger("latchkey.events")


def log_end(
    job: Job, attempt: int, outcome: Literal["done", "retry", "failed"], *, retry_seconds: float | None = None
) -> None:
    """Log that an attempt at an event has ended.

    `attempt`: its number; 0 if no listener could run. `retry_seconds`: how long until the next one.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {
        "event_id": job.event.event_id,
        "attempt": attempt,
        "ms": round((time.monotonic() - job.began) * 1000, 1),
        "outcome": outcome,
        "retry_seconds": None if retry_seconds is None else round(retry_seconds, 1),
        "request_id": job.event.request_id,
    }
    logger.info("the listeners have ended", extra={"fields": fields})
