"""Waits for a condition instead of a fixed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

WAIT_SECONDS = 20.0
"""Long enough for a busy machine; a condition that holds costs a few milliseconds."""
_PAUSE_SECONDS = 0.005


async def until(happened: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Return once `happened` returns something true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"did not happen in {seconds:g} s"
        await asyncio.sleep(_PAUSE_SECONDS)


def until_blocking(happened: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Do the same in a test without an event loop."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"did not happen in {seconds:g} s"
        time.sleep(_PAUSE_SECONDS)
