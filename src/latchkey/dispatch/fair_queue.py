"""Whose turn it is: workspaces take turns, so that a busy one holds up nobody else.

Rule: plain data, no clock and no tasks. An item that was handed out has its
place until it is `left`; with `ordered`, items of one channel are handed out
one after another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Workspace(Generic[T]):
    __slots__ = ("behind", "has_turn", "ready", "running")

    def __init__(self) -> None:
        self.ready: deque[T] = deque()
        self.behind: dict[Hashable, deque[T]] = {}
        """With `ordered`: the channels that are busy, and what waits behind in each."""
        self.running = 0
        self.has_turn = False


class Lanes(Generic[T]):
    """Items waiting, by workspace and channel."""

    def __init__(self, *, most: int, most_each: int, ordered: bool) -> None:
        """Hand out at most `most` items at a time, and `most_each` of one workspace."""
        self._most = most
        self._most_each = most_each
        self._ordered = ordered
        self._running = 0
        self._workspaces: dict[Hashable, _Workspace[T]] = {}
        self._turns: deque[Hashable] = deque()

    def add(self, workspace: Hashable, channel: Hashable, item: T) -> None:
        """Put an item at the end of its lane."""
        place = self._place(workspace)
        if self._ordered and channel is not None:
            behind = place.behind.get(channel)
            if behind is not None:
                behind.append(item)
                return
            place.behind[channel] = deque()
        self._offer(workspace, place, item)

    def back(self, workspace: Hashable, item: T) -> None:
        """Put an item that has left and kept its channel (`leave(..., keep=True)`) where it goes on."""
        self._offer(workspace, self._place(workspace), item)

    def next(self) -> T | None:
        """Hand out the next item, or None where nothing may begin now."""
        while self._turns and self._running < self._most:
            workspace = self._turns.popleft()
            place = self._workspaces[workspace]
            place.has_turn = False
            if place.ready and place.running < self._most_each:
                item = place.ready.popleft()
                place.running += 1
                self._running += 1
                self._give_turn(workspace, place)
                return item
        return None

    def leave(self, workspace: Hashable, channel: Hashable, *, keep: bool = False) -> None:
        """Take back the place of an item that was handed out; with `keep`, its channel goes on waiting for it."""
        place = self._workspaces[workspace]
        place.running -= 1
        self._running -= 1
        if self._ordered and channel is not None and not keep:
            self._advance(place, channel)
        self._tidy(workspace, place)

    def park(self, workspace: Hashable) -> None:
        """Lend the place of an item that only waits to others."""
        place = self._workspaces[workspace]
        place.running -= 1
        self._running -= 1
        self._give_turn(workspace, place)

    def unpark(self, workspace: Hashable) -> None:
        """Take the place back, even where others have filled it meanwhile."""
        place = self._place(workspace)
        place.running += 1
        self._running += 1

    def _place(self, workspace: Hashable) -> _Workspace[T]:
        place = self._workspaces.get(workspace)
        if place is None:
            place = self._workspaces[workspace] = _Workspace()
        return place

    def _offer(self, workspace: Hashable, place: _Workspace[T], item: T) -> None:
        place.ready.append(item)
        self._give_turn(workspace, place)

    def _give_turn(self, workspace: Hashable, place: _Workspace[T]) -> None:
        if not place.has_turn and place.ready and place.running < self._most_each:
            place.has_turn = True
            self._turns.append(workspace)

    def _advance(self, place: _Workspace[T], channel: Hashable) -> None:
        behind = place.behind[channel]
        if behind:
            place.ready.append(behind.popleft())
        else:
            del place.behind[channel]

    def _tidy(self, workspace: Hashable, place: _Workspace[T]) -> None:
        self._give_turn(workspace, place)
        if not (place.running or place.ready or place.behind or place.has_turn):
            del self._workspaces[workspace]
