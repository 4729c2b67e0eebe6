"""Counters, summaries and histograms as plain numbers, which prometheus_client formats when they are scraped.

Its own take a lock and check their labels at each increment, which together is a twentieth of an event's CPU.

Invariant: each number is changed by one thread only, or under one lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

Sample: TypeAlias = tuple[str, dict[str, str], float]
"""The suffix of a sample's name, its labels besides those of the metric, and its value."""


class Count:
    """A number that only grows."""

    __slots__ = ("_value",)
    kind = "counter"

    def __init__(self) -> None:
        self._value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        self._value += amount

    def samples(self) -> Iterable[Sample]:
        return [("_total", {}, self._value)]


class Summary:
    """The number of observations and their sum."""

    __slots__ = ("_count", "_sum")
    kind = "summary"

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._count += 1
        self._sum += seconds

    def samples(self) -> Iterable[Sample]:
        return [("_count", {}, self._count), ("_sum", {}, self._sum)]


class Histogram:
    """The number of observations in each bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")
    kind = "histogram"

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are the upper bounds of the buckets, ascending; one more bucket has none."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def samples(self) -> Iterable[Sample]:
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield "_bucket", {"le": bound}, total
        yield "_count", {}, total
        yield "_sum", {}, self._sum


Number: TypeAlias = Count | Summary | Histogram
K = TypeVar("K", bound=str | tuple[object, ...])
N = TypeVar("N", bound=Number)


class Children(dict[K, N]):
    """The numbers of a metric with labels, by label value or tuple of values; each is created on first use."""

    def __init__(self, number: type[N], *arguments: Any) -> None:
        """`number` is the class of the numbers, which are created with these arguments."""
        super().__init__()
        self.kind = number.kind
        self._number = number
        self._arguments = arguments

    def __missing__(self, key: K) -> N:
        child = self[key] = self._number(*self._arguments)
        return child

    def start_at_zero(self, keys: Iterable[K]) -> None:
        """Create these children: Prometheus's increase() misses the first increment of a new series."""
        for key in keys:
            self[key]


class Numbers(Collector):
    """All metrics of these types, in the order in which they were added."""

    def __init__(self) -> None:
        self._metrics: list[tuple[str, str, str, Sequence[str], Mapping[Any, Number]]] = []

    def add(self, name: str, text: str, number: N) -> N:
        """Add a metric without labels, and return it."""
        self._metrics.append((name, text, number.kind, (), {(): number}))
        return number

    def add_each(self, name: str, text: str, labels: Sequence[str], children: Children[K, N]) -> Children[K, N]:
        """Add a metric with labels, and return it."""
        self._metrics.append((name, text, children.kind, labels, children))
        return children

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, for prometheus_client."""
        for name, text, kind, labels, numbers in self._metrics:
            metric = Metric(name, text, kind)
            for key, number in list(numbers.items()):  # a mounted app's thread may add one meanwhile
                values = map(str, key if isinstance(key, tuple) else (key,))
                own_labels = dict(zip(labels, values, strict=True))
                for suffix, other_labels, value in number.samples():
                    metric.add_sample(name + suffix, {**own_labels, **other_labels}, value)
            yield metric
