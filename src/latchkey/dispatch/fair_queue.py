"""A queue that serves workspaces in rotation, so that a busy one does not delay the others.

It is a plain data structure without a clock or tasks. An item that was handed out occupies a slot until it is
released. In an ordered queue, the items of one channel are handed out one after another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _WorkspaceQueue(Generic[T]):
    __slots__ = ("blocked", "is_scheduled", "ready", "running")

    def __init__(self) -> None:
        self.ready: deque[T] = deque()
        self.blocked: dict[Hashable, deque[T]] = {}
        """In an ordered queue: for each busy channel, the items that wait for it."""
        self.running = 0
        self.is_scheduled = False
        """Whether the workspace is in the rotation."""


class FairQueue(Generic[T]):
    """Items waiting, by workspace and channel."""

    def __init__(self, *, max_running: int, max_per_workspace: int, ordered: bool) -> None:
        """Hand out at most `max_running` items at a time, and `max_per_workspace` of one workspace."""
        self._max_running = max_running
        self._max_per_workspace = max_per_workspace
        self._ordered = ordered
        self._running = 0
        self._workspaces: dict[Hashable, _WorkspaceQueue[T]] = {}
        self._rotation: deque[Hashable] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether no item is waiting or handed out."""
        return not self._workspaces

    def add(self, workspace: Hashable, channel: Hashable, item: T) -> None:
        """Append an item; a channel of None is never ordered."""
        queue = self._queue_of(workspace)
        if self._ordered and channel is not None:
            blocked = queue.blocked.get(channel)
            if blocked is not None:
                blocked.append(item)
                return
            queue.blocked[channel] = deque()
        self._append(workspace, queue, item)

    def requeue(self, workspace: Hashable, item: T) -> None:
        """Append an item that was released with `keep_channel=True`."""
        self._append(workspace, self._queue_of(workspace), item)

    def next(self) -> T | None:
        """Hand out the next item, or return None if nothing may start now."""
        while self._rotation and self._running < self._max_running:
            workspace = self._rotation.popleft()
            queue = self._workspaces[workspace]
            queue.is_scheduled = False
            if queue.ready and queue.running < self._max_per_workspace:
                item = queue.ready.popleft()
                queue.running += 1
                self._running += 1
                self._schedule(workspace, queue)
                return item
        return None

    def admit(self, workspace: Hashable) -> None:
        """Occupy a slot for an item that does not wait, even if that exceeds a limit; it belongs to no channel."""
        self.resume(workspace)

    def release(self, workspace: Hashable, channel: Hashable, *, keep_channel: bool = False) -> None:
        """Free the slot of an item that was handed out; `keep_channel` keeps its channel blocked until `requeue`."""
        queue = self._workspaces[workspace]
        queue.running -= 1
        self._running -= 1
        if self._ordered and channel is not None and not keep_channel:
            self._unblock(queue, channel)
        self._schedule(workspace, queue)
        if not (queue.running or queue.ready or queue.blocked or queue.is_scheduled):
            del self._workspaces[workspace]

    def suspend(self, workspace: Hashable) -> None:
        """Free the slot of an item that only waits; it stays handed out, and `resume` follows."""
        queue = self._workspaces[workspace]
        queue.running -= 1
        self._running -= 1
        self._schedule(workspace, queue)

    def resume(self, workspace: Hashable) -> None:
        """Occupy a slot again, even if that exceeds a limit because others have started meanwhile."""
        queue = self._queue_of(workspace)
        queue.running += 1
        self._running += 1

    def _queue_of(self, workspace: Hashable) -> _WorkspaceQueue[T]:
        queue = self._workspaces.get(workspace)
        if queue is None:
            queue = self._workspaces[workspace] = _WorkspaceQueue()
        return queue

    def _append(self, workspace: Hashable, queue: _WorkspaceQueue[T], item: T) -> None:
        queue.ready.append(item)
        self._schedule(workspace, queue)

    def _schedule(self, workspace: Hashable, queue: _WorkspaceQueue[T]) -> None:
        if not queue.is_scheduled and queue.ready and queue.running < self._max_per_workspace:
            queue.is_scheduled = True
            self._rotation.append(workspace)

    def _unblock(self, queue: _WorkspaceQueue[T], channel: Hashable) -> None:
        blocked = queue.blocked[channel]
        if blocked:
            queue.ready.append(blocked.popleft())
        else:
            del queue.blocked[channel]
