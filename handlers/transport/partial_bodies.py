"""Bounds the memory of bodies that have arrived in part.

Invariant: a signature can be verified only once the whole body is here, so until then its sender may be anyone.
Slack's bodies arrive in milliseconds; if too much is waiting, the oldest are given up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

MAX_PARTIAL_BYTES = 12 << 20
"""All incomplete bodies together: thousands of Slack's usual ones, or one of the largest and some more."""


class PartialBodies:
    """The sizes of incomplete bodies, oldest first."""

    def __init__(self, limit: int = MAX_PARTIAL_BYTES) -> None:
        """`limit` is the sum of the sizes in bytes."""
        self._limit = limit
        self._held: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._total = 0

    def hold(self, request: Hashable, size: int, give_up: Callable[[], None]) -> None:
        """Note that `size` more bytes of a request's body are in memory.

        If the sum exceeds the limit, the oldest requests are released, and their `give_up` is called.
        """
        held, _ = self._held.get(request, (0, give_up))
        self._held[request] = held + size, give_up
        self._total += size
        while self._total > self._limit:
            oldest, (_, give_up_oldest) = next(iter(self._held.items()))
            self.release(oldest)
            give_up_oldest()

    def release(self, request: Hashable) -> None:
        """Note that a request's body is complete, or no longer in memory."""
        held, _ = self._held.pop(request, (0, None))
        self._total -= held
