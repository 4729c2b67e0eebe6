"""Counters of what the server does, in a registry of their own that is handed to whoever shows them.

Rule: counting is on the way of every request, so it is an addition and nothing
more; prometheus_client's own counters take a lock each time. All of it happens
on the event loop. Names follow https://prometheus.io/docs/practices/naming/;
times are in seconds. docs/metrics.md says what each means.
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

MOST_METHODS = 100
"""Of Slack's methods, each with a counter of its own; an app that calls more has the others counted as "other"."""
MOST_OUTCOMES = 20
"""Of one method, alike."""
OTHER = "other"
SIGNATURE_REASONS = ("missing", "timestamp", "expired", "mismatch")
INSTALLED = "installed"

logger = logging.getLogger("latchkey.metrics")

_COUNTERS = {
    "received": ("events_received", "Verified events that some listener wants"),
    "acknowledged": ("events_acknowledged", "Events answered with 200 after they were kept"),
    "deduplicated": ("events_deduplicated", "Events that had come before; nothing ran"),
    "refused": ("events_refused", "Events answered with 503, so that Slack sends them again"),
    "finished": ("events_finished", "Events whose listeners have all succeeded"),
    "retried": ("events_retried", "Events put off because a listener failed"),
    "failed": ("events_failed", "Events whose listeners failed for the last time"),
    "recovered": ("events_recovered", "Events found unfinished at a start"),
    "rate_limited": ("events_rate_limited", "Notices that Slack limits a workspace's events"),
    "acked_for": ("acks_on_behalf", "Requests answered for a listener that had not acknowledged"),
}
_LABELLED = {
    "requests": ("requests", "Requests answered", ("endpoint", "status")),
    "signature_failures": ("signature_failures", "Requests refused because Slack had not signed them", ("reason",)),
    "installs": ("installs", "Ends of installs: installed, or why not", ("outcome",)),
    "uninstalls": ("uninstalls", "Events that took away tokens", ("event",)),
    "listener_runs": ("listener_runs", "Listeners that ran to their end", ("listener",)),
    "listener_failures": ("listener_failures", "Listeners that raised", ("listener",)),
    "listener_seconds": ("listener_seconds", "Time that listeners took", ("listener",)),
    "api_calls": ("slack_api_calls", "Requests to Slack's Web API, each repetition too", ("method", "outcome")),
    "api_seconds": ("slack_api_seconds", "Time that they took", ("method",)),
    "store_errors": ("store_errors", "Calls of the store that failed", ("call", "reason")),
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
        self.failed = 0
        self.recovered = 0
        self.rate_limited = 0
        self.acked_for = 0
        self.requests: Counter[tuple[str, int]] = Counter()
        # What is watched for a rise begins with 0: Prometheus sees no rise in what was not there before.
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
        self.watch("listeners_running", "Listeners that run now", lambda: self.listeners_running)

    def expect_installs(self, outcomes: Iterable[str]) -> None:
        """Show these outcomes from the beginning, as 0."""
        self.installs.update(dict.fromkeys(outcomes, 0))

    def expect_listeners(self, keys: Iterable[str]) -> None:
        """Show the counters of these listeners from the beginning, as 0."""
        for key in keys:
            self.listener_runs[key] += 0
            self.listener_failures[key] += 0

    def observe_ack(self, seconds: float) -> None:
        """Count an event's answer, so long after its request began."""
        self._acks.observe(seconds)

    def observe_interaction(self, kind: str, seconds: float) -> None:
        """Count the answer to a command, an action, a shortcut, a view or a request for options."""
        self._interaction_acks[kind].observe(seconds)

    def count_api_call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a request to Slack's Web API; names beyond the first ones share a counter, so that they stay few."""
        outcomes = self._outcomes.get(method)
        if outcomes is None:
            method = method if len(self._outcomes) < MOST_METHODS else OTHER
            outcomes = self._outcomes.setdefault(method, set())
        if outcome not in outcomes:
            outcome = outcome if len(outcomes) < MOST_OUTCOMES else OTHER
            outcomes.add(outcome)
        self.api_calls[method, outcome] += 1
        self.api_seconds[method] += seconds

    def count_store_call(self, call: str, seconds: float, error: Exception | None) -> None:
        """Count a call of the store, and its error by reason."""
        if isinstance(error, StoreError):
            reason = error.reason if isinstance(error, StoreUnavailable) else "unreadable"
            self.store_errors[call, reason] += 1
        self._store_calls[call].observe(seconds)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that is read whenever somebody asks for the metrics.

        `read` is called on the event loop: what takes longer than a moment is found out elsewhere, and
        `read` returns what was found last. Where it raises a LatchkeyError, the number is left out.
        """
        self._gauges[name] = text, read, None

    def watch_each(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Show several numbers of one name, told apart by the label; see `watch`."""
        self._gauges[name] = text, read, label

    def collect(self) -> Iterator[Metric]:
        """Return all of it as prometheus_client wants it."""
        for attribute, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(f"latchkey_{name}", text, value=getattr(self, attribute))
        for attribute, (name, text, labels) in _LABELLED.items():
            family = CounterMetricFamily(f"latchkey_{name}", text, labels=labels)
            yield _filled(family, getattr(self, attribute).items())
        for name, (text, read, label) in self._gauges.items():
            yield from _gauge(name, text, read, label)
        yield _histogram("event_ack_seconds", "From the beginning of an event's request to its answer", self._acks)
        yield _histograms(
            "interaction_ack_seconds", "The same of commands, actions and their like", "kind", self._interaction_acks
        )
        yield _histograms("store_seconds", "Time that calls of the store took", "call", self._store_calls)


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
        logger.warning("%s cannot be shown: %s", name, error)
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
