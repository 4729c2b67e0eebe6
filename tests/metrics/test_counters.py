"""What is counted, and how it is shown."""

from pathlib import Path

from prometheus_client import generate_latest

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.metrics.counters import MAX_METHODS, MAX_OUTCOMES, Metrics
from latchkey.metrics.process import add_process_metrics
from tests.dispatch.doubles import Bench, event


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_an_app_that_calls_anything_does_not_make_counters_without_end() -> None:
    metrics = Metrics()
    for number in range(3 * MAX_METHODS):
        metrics.count_api_call(f"made.up{number}", "ok", 0.1)
    for number in range(3 * MAX_OUTCOMES):
        metrics.count_api_call("made.up1", f"error_{number}", 0.1)
    assert len({method for method, _ in metrics.api_calls}) == MAX_METHODS + 1
    assert len({outcome for method, outcome in metrics.api_calls if method == "made.up1"}) <= MAX_OUTCOMES + 1
    assert sum(metrics.api_calls.values()) == 3 * (MAX_METHODS + MAX_OUTCOMES)
    assert metrics.api_calls["other", "ok"] == 2 * MAX_METHODS


def test_a_call_that_fails_is_timed_and_counted_by_its_reason() -> None:
    metrics = Metrics()
    for error in (StoreUnavailable("locked", "x"), UnreadableRecord("t", "r", None, "x")):
        metrics.count_store_call("ready", 0.1, error)
    shown = text(metrics)
    assert 'latchkey_store_errors_total{call="ready",reason="locked"} 1.0' in shown
    assert 'latchkey_store_errors_total{call="ready",reason="unreadable"} 1.0' in shown
    assert 'latchkey_store_seconds_count{call="ready"} 2.0' in shown


def test_what_is_watched_for_a_rise_is_there_from_the_beginning() -> None:
    shown = text(Metrics())
    for reason in ("missing", "timestamp", "expired", "mismatch"):
        assert f'latchkey_signature_failures_total{{reason="{reason}"}} 0.0' in shown
    assert 'latchkey_installs_total{outcome="installed"} 0.0' in shown


def test_a_number_that_cannot_be_read_is_left_out_and_the_rest_is_shown() -> None:
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


def test_a_histogram_counts_each_time_once_and_in_every_bucket_above_it() -> None:
    metrics = Metrics()
    for seconds in (0.005, 0.2, 9.0):
        metrics.observe_ack(seconds)
    shown = text(metrics)
    assert 'latchkey_event_ack_seconds_bucket{le="0.005"} 1.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="0.25"} 2.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="5.0"} 2.0' in shown
    assert 'latchkey_event_ack_seconds_bucket{le="+Inf"} 3.0' in shown
    assert "latchkey_event_ack_seconds_sum 9.205" in shown


def test_memory_and_descriptors_are_shown_where_the_rest_of_proc_is_hidden(tmp_path: Path) -> None:
    """As systemd's ProcSubset=pid does it: there is /proc/self, and no /proc/stat."""
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


def test_each_run_of_a_listener_is_counted_under_its_name(bench: Bench) -> None:
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
    runs = {key.rpartition(".")[2]: count for key, count in bench.metrics.listener_runs.items()}
    failures = {key.rpartition(".")[2]: count for key, count in bench.metrics.listener_failures.items()}
    assert (runs, failures) == ({"sound": 1, "broken": 2}, {"sound": 0, "broken": 2})
    assert bench.metrics.listeners_running == 0
