"""Places that lanes have handed out: held, lent while their holder only waits, and given up once.

Rule: a place that is given up while it is lent is given up all the same; what
the holder has left running can neither keep it nor lend it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

from latchkey.dispatch.fair_queue import Lanes


class Place:
    """One item's place."""

    __slots__ = ("_channel", "_held", "_lanes", "_lent", "_let_in", "_workspace")

    def __init__(self, lanes: Lanes[Any], workspace: Hashable, channel: Hashable, let_in: Callable[[], None]) -> None:
        """Call it for what `lanes.next()` has handed out; `let_in` hands out what may come when a place is free."""
        self._lanes = lanes
        self._workspace = workspace
        self._channel = channel
        self._let_in = let_in
        self._held = True
        self._lent = 0

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let somebody else have it for a while; it is taken back without waiting. Several at once are fine."""
        self._lent += 1
        if self._held and self._lent == 1:
            self._lanes.park(self._workspace)
            self._let_in()
        try:
            yield
        finally:
            self._lent -= 1
            if self._held and not self._lent:
                self._lanes.unpark(self._workspace)

    def give_up(self, *, keep: bool = False) -> None:
        """Leave it to others for good; with `keep`, its channel goes on waiting for the item."""
        if self._lent:
            self._lanes.unpark(self._workspace)
        self._held = False
        self._lanes.leave(self._workspace, self._channel, keep=keep)
        self._let_in()


_Waiting: TypeAlias = tuple[Hashable, asyncio.Future[None]]


class Turns:
    """Places for what takes something scarce, such as a thread: so many at once, so many of one workspace."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._lanes: Lanes[_Waiting] = Lanes(most=most, most_each=most_each, ordered=False)

    @asynccontextmanager
    async def turn(self, workspace: Hashable) -> AsyncIterator[Place]:
        """Lend a place when it is this one's turn."""
        come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lanes.add(workspace, None, (workspace, come))
        self._let_in()
        try:
            await come
        except asyncio.CancelledError:
            if come.done() and not come.cancelled():
                self._place(workspace).give_up()
            raise
        place = self._place(workspace)
        try:
            yield place
        finally:
            place.give_up()

    def _place(self, workspace: Hashable) -> Place:
        return Place(self._lanes, workspace, None, self._let_in)

    def _let_in(self) -> None:
        while (waiting := self._lanes.next()) is not None:
            workspace, come = waiting
            if come.done():  # it was cancelled while it waited
                self._lanes.leave(workspace, None)
            else:
                come.set_result(None)
