"""Counters of what happens to events, in a registry of their own that is handed to whoever shows them.

Rule: counting is on the way of every event, so it is an addition and nothing
more; prometheus_client's own counters take a lock each time. All of it happens
on the event loop. Names follow https://prometheus.io/docs/practices/naming/;
times are in seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0)
"""Seconds; Slack's patience ends at 3."""

_COUNTERS = {
    "received": ("events_received", "Verified events that some listener wants"),
    "acknowledged": ("events_acknowledged", "Events answered with 200 after they were kept"),
    "deduplicated": ("events_deduplicated", "Events that had come before; nothing ran"),
    "refused": ("events_refused", "Events answered with 503, so that Slack sends them again"),
    "finished": ("events_finished", "Events whose listeners have all succeeded"),
    "retried": ("events_retried", "Events put off because a listener failed"),
    "set_aside": ("events_set_aside", "Events whose listeners failed for the last time"),
    "recovered": ("events_recovered", "Events found unfinished at a start"),
    "rate_limited": ("events_rate_limited", "Notices that Slack limits a workspace's events"),
    "acked_for": ("acks_on_behalf", "Requests answered for a listener that had not acknowledged"),
}


class Metrics(Collector):
    """What is counted from Slack's request to the end of its listeners; add to the numbers directly."""

    def __init__(self) -> None:
        self.received = 0
        self.acknowledged = 0
        self.deduplicated = 0
        self.refused = 0
        self.finished = 0
        self.retried = 0
        self.set_aside = 0
        self.recovered = 0
        self.rate_limited = 0
        self.acked_for = 0
        self._acks = [0] * (len(ACK_BUCKETS) + 1)
        self._ack_sum = 0.0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def observe_ack(self, seconds: float) -> None:
        """Count an event's answer, so long after its request began."""
        self._acks[bisect_left(ACK_BUCKETS, seconds)] += 1
        self._ack_sum += seconds

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that is read whenever somebody asks for the metrics."""
        self._gauges[name] = text, read

    def collect(self) -> Iterator[Metric]:
        """Return all of it as prometheus_client wants it."""
        for attribute, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(f"latchkey_{name}", text, value=getattr(self, attribute))
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(f"latchkey_{name}", text, value=read())
        yield HistogramMetricFamily(
            "latchkey_event_ack_seconds",
            "From the beginning of an event's request to its answer",
            buckets=self._cumulated(),
            sum_value=self._ack_sum,
        )

    def _cumulated(self) -> list[tuple[str, float]]:
        total, buckets = 0, []
        for bound, count in zip((*map(str, ACK_BUCKETS), "+Inf"), self._acks, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
