"""Shows the server's log while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

_PAUSE = 0.1


async def follow(log: Path, offset: int, show: Callable[[str], None]) -> None:
    """Call `show` with each complete line after `offset` bytes, and with each further one; never returns."""
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(offset)
        unfinished = ""
        while True:
            *lines, unfinished = (unfinished + file.read()).split("\n")
            for line in lines:
                show(line)
            await asyncio.sleep(_PAUSE)
