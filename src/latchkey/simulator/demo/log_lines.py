"""Shows the server's log while it is written: in the terminal, and on the simulated Slack's page."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from latchkey.simulator.model import EventEnd, World

_PAUSE = 0.1
_OF_START = re.compile(
    r"\S+ (INFO latchkey(\.metrics|\.storage)? |WARNING latchkey\.storage a new encryption key was created )"
)
"""Lines about the start and stop of the server, which the terminal reports in other words."""
_OF_EVENT = re.compile(
    r"\S+ INFO latchkey\.events .* event_id=(\S+) attempt=(\d+) ms=([\d.]+) outcome=(\w+)(?: retry_seconds=([\d.]+))? "
)
"""Lines of `[log] events`, which the inspector shows at the event."""


async def follow(log: Path, world: World) -> None:
    """Show each complete line, and each further one, except those of a start; never returns."""
    with open(log, encoding="utf-8", errors="replace") as file:
        unfinished = ""
        while True:
            *lines, unfinished = (unfinished + file.read()).split("\n")
            for line in lines:
                if found := _OF_EVENT.match(line):
                    world.exchanges.ended(_event_end(found))
                elif not _OF_START.match(line):
                    print(line, file=sys.stderr, flush=True)
                    world.log_line(line)
            await asyncio.sleep(_PAUSE)


def _event_end(line: re.Match[str]) -> EventEnd:
    event_id, attempt, milliseconds, outcome, retry_seconds = line.groups()
    pause = None if retry_seconds is None else float(retry_seconds)
    return EventEnd(event_id, int(attempt), float(milliseconds) / 1000, outcome, pause)
