"""Counters, histograms and gauges, and their exposition."""

from pathlib import Path

from prometheus_client import generate_latest

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.metrics.counters import MAX_METHODS, MAX_OUTCOMES, Metrics
from latchkey.metrics.process import add_process_metrics
from tests.dispatch.doubles import Bench, event
from tests.support.counts import counts


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_limits_distinct_methods_and_outcomes() -> None:
    metrics = Metrics()
    for number in range(3 * MAX_METHODS):
        metrics.count_api_call(f"made.up{number}", "ok", 0.1)
    for number in range(3 * MAX_OUTCOMES):
        metrics.count_api_call("made.up1", f"error_{number}", 0.1)
    calls = counts(metrics, "slack_api_calls")
    assert len({method for method, _ in calls}) == MAX_METHODS + 1
    assert len({outcome for method, outcome in calls if method == "made.up1"}) <= MAX_OUTCOMES + 1
    assert sum(calls.values()) == 3 * (MAX_METHODS + MAX_OUTCOMES)
    assert calls["other", "ok"] == 2 * MAX_METHODS


def test_failed_store_calls_are_timed_and_counted_by_reason() -> None:
    metrics = Metrics()
    for error in (StoreUnavailable("locked", "x"), UnreadableRecord("t", "r", None, "x")):
        metrics.count_store_call("ready", 0.1, error)
    shown = text(metrics)
    assert 'latchkey_store_errors_total{call="ready",reason="locked"} 1.0' in shown
    assert 'latchkey_store_errors_total{call="ready",reason="unreadable"} 1.0' in shown
    assert 'latchkey_store_seconds_count{call="ready"} 2.0' in shown


def test_counters_with_known_labels_start_at_zero() -> None:
    shown = text(Metrics())
    for reason in ("missing", "timestamp", "expired", "mismatch"):
        assert f'latchkey_signature_failures_total{{reason="{reason}"}} 0.0' in shown
    assert 'latchkey_installs_total{outcome="installed"} 0.0' in shown


def test_leaves_out_only_the_gauge_that_cannot_be_read() -> None:
    def unreadable() -> float:
        raise StoreUnavailable("locked", "x")

    metrics = Metrics()
    metrics.watch("broken", "Breaks", unreadable)
    metrics.watch("sound", "Works", lambda: 7)
    metrics.watch_each("records", "By key", "key", lambda: {"a": 1, "b": 2})
    shown = text(metrics)
    assert "latchkey_broken" not in shown
    assert "latchkey_sound 7.0" in shown
    assert 'latchkey_records{key="a"} 1.0\nlatchkey_records{key="b"} 2.0' in shown


def test_histogram_buckets_are_cumulative() -> None:
    metrics = Metrics()
    for seconds in (0.005, 0.2, 9.0):
        metrics.event_ack_seconds.observe(seconds)
    shown = text(metrics)
    assert 'latchkey_event_ack_seconds_bucket{le="0.005"} 1.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="0.25"} 2.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="5.0"} 2.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="+Inf"} 3.0' in shown
    assert "latchkey_event_ack_seconds_sum 9.205" in shown


def test_exports_process_metrics_when_most_of_proc_is_hidden(tmp_path: Path) -> None:
    """With systemd's ProcSubset=pid there is /proc/self, but no /proc/stat."""
    (tmp_path / "self").symlink_to("/proc/self")
    metrics = Metrics()
    add_process_metrics(metrics.registry, proc=str(tmp_path))
    values = {
        line.split()[0]: float(line.split()[1]) for line in text(metrics).splitlines() if line.startswith("process_")
    }
    assert values["process_resident_memory_bytes"] > 1 << 20
    assert 0 < values["process_open_fds"] < values["process_max_fds"]
    started = Path("/proc/self").stat().st_ctime
    assert abs(values["process_start_time_seconds"] - started) < 60


def test_counts_runs_and_failures_by_listener(bench: Bench) -> None:
    @bench.app.event("app_mention")
    async def sound() -> None:
        pass

    @bench.app.event("app_mention")
    def broken() -> None:
        raise ValueError

    bench.delay = lambda attempts, chance: 0.0
    bench.options = type(bench.options)(max_attempts=2)
    bench.send(event())
    bench.live(0.3)
    names = {key.rpartition(".")[2]: (key,) for (key,) in counts(bench.metrics, "listener_seconds")}
    runs, failures = counts(bench.metrics, "listener_seconds"), counts(bench.metrics, "listener_failures")
    assert {name: (runs[key], failures[key]) for name, key in names.items()} == {"sound": (1, 0), "broken": (2, 2)}
    assert bench.metrics.registry.get_sample_value("latchkey_listeners_running") == 0


def test_exports_no_series_of_creation_times() -> None:
    metrics = Metrics()
    metrics.store_seconds["ready"].observe(0.1)
    assert "_created" not in text(metrics)
