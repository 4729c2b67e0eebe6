"""The server's counters and histograms, in a registry of their own.

Names follow https://prometheus.io/docs/practices/naming/; times are in seconds. docs/metrics.md explains each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from latchkey.errors import StoreError, StoreUnavailable
from latchkey.metrics.gauges import ScrapedGauges
from latchkey.metrics.numbers import Children, Count, Histogram, Numbers, Summary

MAX_METHODS = 100
"""Maximum distinct Web API methods; more are counted as "other"."""
MAX_OUTCOMES = 20
"""Maximum distinct outcomes per method; more are counted as "other"."""
OTHER = "other"
SIGNATURE_REASONS = ("missing", "timestamp", "expired", "mismatch")
INSTALLED = "installed"
TOKEN_REFRESH_OUTCOMES = ("refreshed", "failed", "rate_limited", "must_reinstall")
ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0)
"""Seconds; Slack gives up after 3."""
STORE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds; a call to the store ends before 2.5."""


class Metrics:
    """Counters from Slack's request to the outcome of its listeners; callers increment the attributes.

    Each attribute is the metric of its name, with `latchkey_` before it and, for counters, `_total` after it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._scraped = ScrapedGauges()
        self.registry.register(self._scraped)
        self._numbers = Numbers()
        self.registry.register(self._numbers)
        self._lock = threading.Lock()
        self._create_event_counters()
        self._create_request_counters()
        self._create_listener_counters()
        self._create_call_counters()

    def _create_event_counters(self) -> None:
        counter = self._counter
        self.events_received = counter("events_received", "Verified events that at least one listener handles")
        self.events_acknowledged = counter("events_acknowledged", "Events answered with 200 after they were stored")
        self.events_deduplicated = counter(
            "events_deduplicated", "Copies of events that were received before; no listener ran"
        )
        self.events_refused = counter("events_refused", "Events answered with 503, which Slack sends again")
        self.events_finished = counter("events_finished", "Events whose listeners all succeeded")
        self.events_retried = counter("events_retried", "Failed attempts that are retried later")
        self.events_failed = counter("events_failed", "Events that failed on their last attempt")
        self.events_dropped = counter(
            "events_dropped", "Unfinished events dropped because their workspace has removed the app"
        )
        self.events_recovered = counter("events_recovered", "Unfinished events resumed at start")
        self.events_rate_limited = counter(
            "events_rate_limited", "Notices from Slack that a workspace's events are rate limited"
        )
        self.event_ack_seconds = self._numbers.add(
            "latchkey_event_ack_seconds", "Seconds from an event's request to its response", Histogram(ACK_BUCKETS)
        )

    def _create_request_counters(self) -> None:
        counters = self._counters
        self.requests: Children[tuple[str, int], Count]
        self.requests = counters("requests", "Requests by endpoint and status", "endpoint", "status")
        self.signature_failures: Children[str, Count]
        self.signature_failures = counters("signature_failures", "Requests without a valid Slack signature", "reason")
        self.signature_failures.start_at_zero(SIGNATURE_REASONS)
        self.installs: Children[str, Count] = counters("installs", "Install attempts by outcome", "outcome")
        self.installs.start_at_zero([INSTALLED])
        self.uninstalls: Children[str, Count] = counters("uninstalls", "Events that revoked tokens", "event")
        self.undos: Children[str, Count] = counters("undos", "Refused installations undone at Slack", "outcome")
        self.requests_dropped = self._counter(
            "requests_dropped", "Events and interactive requests of workspaces that may not use the app"
        )

    def _create_listener_counters(self) -> None:
        self.acks_on_behalf = self._counter(
            "acks_on_behalf", "Requests acknowledged for a listener that did not call ack() in time"
        )
        self.interactions_deduplicated = self._counter(
            "interactions_deduplicated", "Copies of interactive requests that were received before; no listener ran"
        )
        self.interaction_ack_seconds: Children[str, Histogram] = self._numbers.add_each(
            "latchkey_interaction_ack_seconds",
            "Seconds from an interactive request to its acknowledgement, by kind",
            ["kind"],
            Children(Histogram, ACK_BUCKETS),
        )
        self.listener_failures: Children[str, Count]
        self.listener_failures = self._counters(
            "listener_failures", "Listener runs that raised an exception", "listener"
        )
        self.listener_seconds: Children[str, Summary] = self._numbers.add_each(
            "latchkey_listener_seconds", "Seconds that completed listener runs took", ["listener"], Children(Summary)
        )
        self.listeners_running = 0
        self.watch("listeners_running", "Listeners running now", lambda: self.listeners_running)

    def _create_call_counters(self) -> None:
        counters = self._counters
        self.slack_api_calls: Children[tuple[str, str], Count] = counters(
            "slack_api_calls", "Requests to Slack's Web API, including retries", "method", "outcome"
        )
        self.slack_api_seconds: Children[str, Count]
        self.slack_api_seconds = counters("slack_api_seconds", "Total seconds of requests to Slack's Web API", "method")
        self.store_seconds: Children[str, Histogram] = self._numbers.add_each(
            "latchkey_store_seconds",
            "Seconds that calls to the store took, by call",
            ["call"],
            Children(Histogram, STORE_BUCKETS),
        )
        self.store_errors: Children[tuple[str, str], Count]
        self.store_errors = counters("store_errors", "Failed calls to the store", "call", "reason")
        self.token_refreshes: Children[str, Count]
        self.token_refreshes = counters("token_refreshes", "Attempts to refresh a token, by outcome", "outcome")
        self.token_refreshes.start_at_zero(TOKEN_REFRESH_OUTCOMES)
        self.log_lines_dropped = self._counter("log_lines_dropped", "Log lines dropped because nothing read the log")
        self._outcomes: dict[str, set[str]] = {}

    def _counter(self, name: str, text: str) -> Count:
        return self._numbers.add(f"latchkey_{name}", text, Count())

    def _counters(self, name: str, text: str, *labels: str) -> Children[Any, Count]:
        return self._numbers.add_each(f"latchkey_{name}", text, labels, Children(Count))

    def expect_listeners(self, ids: Iterable[str]) -> None:
        """Start the counters of these listeners at 0."""
        ids = list(ids)
        self.listener_seconds.start_at_zero(ids)
        self.listener_failures.start_at_zero(ids)

    def count_mounted_run(self, listener: str, seconds: float, *, failed: bool) -> None:
        """Count a run of a listener of a mounted app, which may have run in any thread."""
        with self._lock:
            self.listener_seconds[listener].observe(seconds)
            if failed:
                self.listener_failures[listener].inc()

    def count_api_call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a request to Slack's Web API. Beyond the maxima, methods and outcomes are counted as "other"."""
        outcomes = self._outcomes.get(method)
        if outcomes is None:
            method = method if len(self._outcomes) < MAX_METHODS else OTHER
            outcomes = self._outcomes.setdefault(method, set())
        if outcome not in outcomes:
            outcome = outcome if len(outcomes) < MAX_OUTCOMES else OTHER
            outcomes.add(outcome)
        self.slack_api_calls[method, outcome].inc()
        self.slack_api_seconds[method].inc(seconds)

    def count_store_call(self, call: str, seconds: float, error: Exception | None) -> None:
        """Count a call to the store, and its error by reason."""
        if isinstance(error, StoreError):
            reason = error.reason if isinstance(error, StoreUnavailable) else "unreadable"
            self.store_errors[call, reason].inc()
        self.store_seconds[call].observe(seconds)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge; `read` is called on the event loop at each scrape, so it must return at once.

        If `read` raises a LatchkeyError, the scrape leaves the gauge out.
        """
        self._scraped.add(f"latchkey_{name}", text, None, read)

    def watch_each(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Add a gauge with one value per label value; see `watch`."""
        self._scraped.add(f"latchkey_{name}", text, label, read)
