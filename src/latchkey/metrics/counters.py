"""The server's counters, in a registry of their own.

All counting happens on the event loop, so a counter is an addition; one of
prometheus_client's takes a lock (0.3 to 0.7 µs a call against 0.05 to 0.2 µs). Names follow https://prometheus.io/docs/practices/naming/;
times are in seconds. docs/metrics.md explains each.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from latchkey.errors import LatchkeyError, StoreError, StoreUnavailable
from latchkey.metrics.histogram import ACK_BUCKETS, STORE_BUCKETS, Histogram

MAX_METHODS = 100
"""Maximum distinct Web API methods; more are counted as "other"."""
MAX_OUTCOMES = 20
"""Maximum distinct outcomes per method; more are counted as "other"."""
OTHER = "other"
SIGNATURE_REASONS = ("missing", "timestamp", "expired", "mismatch")
INSTALLED = "installed"

logger = logging.getLogger("latchkey.metrics")

_COUNTERS = {
    "received": ("events_received", "Verified events that at least one listener handles"),
    "acknowledged": ("events_acknowledged", "Events answered with 200 after they were stored"),
    "deduplicated": ("events_deduplicated", "Copies of events that were received before; no listener ran"),
    "refused": ("events_refused", "Events answered with 503, which Slack sends again"),
    "finished": ("events_finished", "Events whose listeners all succeeded"),
    "retried": ("events_retried", "Failed attempts that are retried later"),
    "failed": ("events_failed", "Events that failed on their last attempt"),
    "recovered": ("events_recovered", "Unfinished events resumed at start"),
    "rate_limited": ("events_rate_limited", "Notices from Slack that a workspace's events are rate limited"),
    "acked_for": ("acks_on_behalf", "Requests acknowledged for a listener that did not call ack() in time"),
}
_LABELLED = {
    "requests": ("requests", "Requests by endpoint and status", ("endpoint", "status")),
    "signature_failures": ("signature_failures", "Requests without a valid signature of Slack", ("reason",)),
    "installs": ("installs", "Install attempts by outcome", ("outcome",)),
    "uninstalls": ("uninstalls", "Events that revoked tokens", ("event",)),
    "listener_runs": ("listener_runs", "Listener runs that ended", ("listener",)),
    "listener_failures": ("listener_failures", "Listener runs that raised an exception", ("listener",)),
    "listener_seconds": ("listener_seconds", "Total seconds that listeners ran", ("listener",)),
    "api_calls": ("slack_api_calls", "Requests to Slack's Web API, including retries", ("method", "outcome")),
    "api_seconds": ("slack_api_seconds", "Total seconds of requests to Slack's Web API", ("method",)),
    "store_errors": ("store_errors", "Failed calls to the store", ("call", "reason")),
}


class Metrics(Collector):
    """Counters from Slack's request to the outcome of its listeners; callers add to the attributes."""

    def __init__(self) -> None:
        self.received = 0
        self.acknowledged = 0
        self.deduplicated = 0
        self.refused = 0
        self.finished = 0
        self.retried = 0
        self.failed = 0
        self.recovered = 0
        self.rate_limited = 0
        self.acked_for = 0
        self.requests: Counter[tuple[str, int]] = Counter()
        # Initialised to 0: Prometheus's increase() misses the first increment of a new series.
        self.signature_failures = Counter(dict.fromkeys(SIGNATURE_REASONS, 0))
        self.installs = Counter({INSTALLED: 0})
        self.uninstalls: Counter[str] = Counter()
        self.listeners_running = 0
        self.listener_runs: Counter[str] = Counter()
        self.listener_failures: Counter[str] = Counter()
        self.listener_seconds: defaultdict[str, float] = defaultdict(float)
        self.api_calls: Counter[tuple[str, str]] = Counter()
        self.api_seconds: defaultdict[str, float] = defaultdict(float)
        self.store_errors: Counter[tuple[str, str]] = Counter()
        self._outcomes: dict[str, set[str]] = {}
        self._acks = Histogram(ACK_BUCKETS)
        self._interaction_acks: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(ACK_BUCKETS))
        self._store_calls: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(STORE_BUCKETS))
        self._gauges: dict[str, tuple[str, Callable[[], float | Mapping[str, float]], str | None]] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.watch("listeners_running", "Listeners running now", lambda: self.listeners_running)

    def expect_installs(self, outcomes: Iterable[str]) -> None:
        """Initialise the counters of these outcomes to 0."""
        self.installs.update(dict.fromkeys(outcomes, 0))

    def expect_listeners(self, keys: Iterable[str]) -> None:
        """Initialise the counters of these listeners to 0."""
        for key in keys:
            self.listener_runs[key] += 0
            self.listener_failures[key] += 0

    def observe_ack(self, seconds: float) -> None:
        """Record the time from the start of an event's request to its response, in seconds."""
        self._acks.observe(seconds)

    def observe_interaction(self, kind: str, seconds: float) -> None:
        """Record the seconds from the start of an interactive request to its response."""
        self._interaction_acks[kind].observe(seconds)

    def count_api_call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a request to Slack's Web API. Beyond the maxima, methods and outcomes are counted as "other"."""
        outcomes = self._outcomes.get(method)
        if outcomes is None:
            method = method if len(self._outcomes) < MAX_METHODS else OTHER
            outcomes = self._outcomes.setdefault(method, set())
        if outcome not in outcomes:
            outcome = outcome if len(outcomes) < MAX_OUTCOMES else OTHER
            outcomes.add(outcome)
        self.api_calls[method, outcome] += 1
        self.api_seconds[method] += seconds

    def count_store_call(self, call: str, seconds: float, error: Exception | None) -> None:
        """Count a call to the store, and its error by reason."""
        if isinstance(error, StoreError):
            reason = error.reason if isinstance(error, StoreUnavailable) else "unreadable"
            self.store_errors[call, reason] += 1
        self._store_calls[call].observe(seconds)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge; `read` is called on the event loop at each scrape, so it must return at once.

        If `read` raises a LatchkeyError, the scrape leaves the gauge out.
        """
        self._gauges[name] = text, read, None

    def watch_each(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Add a gauge with one value per label value; see `watch`."""
        self._gauges[name] = text, read, label

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics for prometheus_client."""
        for attribute, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(f"latchkey_{name}", text, value=getattr(self, attribute))
        for attribute, (name, text, labels) in _LABELLED.items():
            family = CounterMetricFamily(f"latchkey_{name}", text, labels=labels)
            yield _filled(family, getattr(self, attribute).items())
        for name, (text, read, label) in self._gauges.items():
            yield from _gauge(name, text, read, label)
        yield _histogram("event_ack_seconds", "Seconds from an event's request to its response", self._acks)
        yield _histograms(
            "interaction_ack_seconds",
            "Seconds from an interactive request to its acknowledgement, by kind",
            "kind",
            self._interaction_acks,
        )
        yield _histograms("store_seconds", "Seconds that calls to the store took, by call", "call", self._store_calls)


def _filled(family: CounterMetricFamily, values: Iterable[tuple[Any, float]]) -> Metric:
    for labels, value in values:
        family.add_metric([str(label) for label in labels] if isinstance(labels, tuple) else [labels], value)
    return family


def _gauge(
    name: str, text: str, read: Callable[[], float | Mapping[str, float]], label: str | None
) -> Iterator[Metric]:
    try:
        value = read()
    except LatchkeyError as error:
        logger.warning("cannot read the metric %s: %s", name, error)
        return
    if isinstance(value, Mapping):
        family = GaugeMetricFamily(f"latchkey_{name}", text, labels=[label or ""])
        for key, number in value.items():
            family.add_metric([key], number)
        yield family
    else:
        yield GaugeMetricFamily(f"latchkey_{name}", text, value=value)


def _histogram(name: str, text: str, observed: Histogram) -> Metric:
    return HistogramMetricFamily(f"latchkey_{name}", text, buckets=observed.cumulated(), sum_value=observed.sum)


def _histograms(name: str, text: str, label: str, observed: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"latchkey_{name}", text, labels=[label])
    for key, histogram in observed.items():
        family.add_metric([key], buckets=histogram.cumulated(), sum_value=histogram.sum)
    return family
