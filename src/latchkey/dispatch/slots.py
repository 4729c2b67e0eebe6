"""Concurrency slots: held while a listener runs, released while it waits for Slack, given back exactly once.

Invariant: a slot that is given back while it is released stays given back. Background work that its holder left
behind can neither take it back nor release it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, TypeAlias

from latchkey.dispatch.fair_queue import FairQueue


class Slot:
    """The slot of one item that a queue handed out."""

    __slots__ = ("_channel", "_is_held", "_on_free", "_outer", "_queue", "_waits", "_workspace")

    def __init__(
        self,
        queue: FairQueue[Any],
        workspace: Hashable,
        channel: Hashable,
        on_free: Callable[[], None],
        outer: Slot | None = None,
    ) -> None:
        """Make it for an item that `queue.next()` returned.

        `on_free` starts what the queue hands out once there is room. `outer` is another slot that the same work
        holds; it is released together with this one.
        """
        self._queue = queue
        self._workspace = workspace
        self._channel = channel
        self._on_free = on_free
        self._outer = outer
        self._is_held = True
        self._waits = 0

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others use the slot while its holder only waits. It is then taken back at once; calls may overlap."""
        self._waits += 1
        if self._is_held and self._waits == 1:
            self._queue.suspend(self._workspace)
            self._on_free()
        try:
            with nullcontext() if self._outer is None else self._outer.released():
                yield
        finally:
            self._waits -= 1
            if self._is_held and not self._waits:
                self._queue.resume(self._workspace)

    def give_back(self, *, keep_channel: bool = False) -> None:
        """Return it to the queue for good; `keep_channel` keeps the item's channel blocked until it is requeued."""
        if self._waits:
            self._queue.resume(self._workspace)
        self._is_held = False
        self._queue.release(self._workspace, self._channel, keep_channel=keep_channel)
        self._on_free()


_Waiting: TypeAlias = tuple[Hashable, asyncio.Future[None]]


class SlotPool:
    """A limited number of slots for something scarce, such as threads, shared fairly between workspaces."""

    def __init__(self, *, max_slots: int, max_per_workspace: int) -> None:
        self._queue: FairQueue[_Waiting] = FairQueue(
            max_running=max_slots, max_per_workspace=max_per_workspace, ordered=False
        )

    @property
    def is_empty(self) -> bool:
        """Whether no slot is held or waited for."""
        return self._queue.is_empty

    @asynccontextmanager
    async def slot(self, workspace: Hashable, outer: Slot | None = None) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it; see `Slot` about `outer`."""
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.add(workspace, None, (workspace, admitted))
        self._admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self._make_slot(workspace, None).give_back()
            raise
        slot = self._make_slot(workspace, outer)
        try:
            yield slot
        finally:
            slot.give_back()

    def _make_slot(self, workspace: Hashable, outer: Slot | None) -> Slot:
        return Slot(self._queue, workspace, None, self._admit, outer)

    def _admit(self) -> None:
        while (waiting := self._queue.next()) is not None:
            workspace, admitted = waiting
            if admitted.done():  # it was cancelled while it waited
                self._queue.release(workspace, None)
            else:
                admitted.set_result(None)
