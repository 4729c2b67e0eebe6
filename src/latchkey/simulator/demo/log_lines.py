"""Shows the server's log while it is written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

_PAUSE = 0.1
_OF_START = re.compile(
    r"\S+ (INFO latchkey(\.metrics|\.storage)? |WARNING latchkey\.storage a new encryption key was created )"
)
"""Lines about the start and stop of the server, which the terminal reports in other words."""


async def follow(log: Path, show: Callable[[str], None]) -> None:
    """Call `show` with each complete line, and with each further one, except those of a start; never returns."""
    with open(log, encoding="utf-8", errors="replace") as file:
        unfinished = ""
        while True:
            *lines, unfinished = (unfinished + file.read()).split("\n")
            for line in lines:
                if not _OF_START.match(line):
                    show(line)
            await asyncio.sleep(_PAUSE)
