"""Times, sorted into buckets as Prometheus wants them.

Rule: to observe is two additions. prometheus_client's own histograms take a
lock each time; ours are used on one event loop and need none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0)
"""Seconds; Slack's patience ends at 3."""
STORE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds; a call of the store ends before 2.5."""


class Histogram:
    """How often each of several ranges of seconds was met."""

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        """Seconds in all."""

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.sum += seconds

    def cumulated(self) -> list[tuple[str, float]]:
        """Return each bucket's upper bound, and how many were at most so long."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
