"""Counters of what happens to events, in a registry of their own that is handed to whoever shows them.

Names follow https://prometheus.io/docs/practices/naming/; times are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0)
"""Seconds; Slack's patience ends at 3."""


class Metrics:
    """What is counted from Slack's request to the end of its listeners."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("events_received", "Verified events that some listener wants")
        self.acknowledged = self._counter("events_acknowledged", "Events answered with 200 after they were kept")
        self.deduplicated = self._counter("events_deduplicated", "Events that had come before; nothing ran")
        self.refused = self._counter("events_refused", "Events answered with 503, so that Slack sends them again")
        self.finished = self._counter("events_finished", "Events whose listeners have all succeeded")
        self.retried = self._counter("events_retried", "Events put off because a listener failed")
        self.set_aside = self._counter("events_set_aside", "Events whose listeners failed for the last time")
        self.recovered = self._counter("events_recovered", "Events found unfinished at a start")
        self.rate_limited = self._counter("events_rate_limited", "Notices that Slack limits a workspace's events")
        self.acked_for = self._counter("acks_on_behalf", "Requests answered for a listener that had not acknowledged")
        self.slack_limited = self._counter("web_api_rate_limited", "Calls of the Web API answered with 429")
        self.ack_seconds = Histogram(
            "latchkey_event_ack_seconds",
            "From the beginning of an event's request to its answer",
            buckets=ACK_BUCKETS,
            registry=self.registry,
        )

    def watch_inbox(self, depth: Callable[[], float], oldest_seconds: Callable[[], float]) -> None:
        """Show these two whenever somebody asks for the metrics."""
        Gauge("latchkey_inbox_events", "Events not finished", registry=self.registry).set_function(depth)
        Gauge("latchkey_inbox_oldest_seconds", "Age of the oldest of them", registry=self.registry).set_function(
            oldest_seconds
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"latchkey_{name}", text, registry=self.registry)
