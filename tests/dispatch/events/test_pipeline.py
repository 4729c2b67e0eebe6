"""Acknowledged events run until their listeners have succeeded, whatever fails, and not once more."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.errors import Overloaded, StoreUnavailable, UnreadableRecord
from latchkey.storage import Outcome, OutcomeKind, StoredEvent
from tests.dispatch.doubles import Bench, event, send, sent
from tests.support.events_on_disk import failed, unfinished


def at_once(*_: object) -> float:
    return 0.0


def ids(found: Any) -> list[str]:
    return [event.event_id for event in found]


async def until(happened: Any) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


class TestOnce:
    """An event runs once, however many copies Slack sends."""

    @pytest.mark.parametrize("durable", [True, False])
    def test_a_retry_of_a_finished_event_is_answered_and_runs_nothing(self, bench: Bench, durable: bool) -> None:
        bench.options = EventOptions(durable=durable)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        assert bench.send(event(event_id="Ev1"), event(event_id="Ev1", retry_num=1)) == [None, None]
        assert (len(ran), bench.metrics.deduplicated, bench.metrics.acknowledged) == (1, 1, 1)

    @pytest.mark.parametrize("event_ts", ["1700000000.123456", "1700000000.12", "1e9", "", None, 5, {"a": "b"}])
    @pytest.mark.parametrize("event_time", [None, 0, 1 << 39, "now"])
    def test_a_retry_runs_nothing_whatever_the_times_in_it(self, bench: Bench, event_ts: Any, event_time: Any) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        copies = [event(event_id="Ev1", event_ts=event_ts), event(event_id="Ev1", event_ts=event_ts, retry_num=1)]
        for copy in copies:
            copy.event_time = int(time.time()) if event_time == "now" else event_time
        assert bench.send(*copies) == [None, None]
        assert len(ran) == 1

    def test_a_retry_runs_nothing_after_a_restart_and_an_hour(self, bench: Bench) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.send(event(event_id="Ev1"))
        bench.clock = lambda: time.time() + 3600
        bench.send(event(event_id="Ev1", retry_num=3))
        assert len(ran) == 1

    @pytest.mark.parametrize("durable", [True, False])
    def test_ten_concurrent_copies_run_once_and_all_get_an_answer(self, bench: Bench, durable: bool) -> None:
        bench.options = EventOptions(durable=durable)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Interactions, events: EventPipeline) -> list[Exception | None]:
            copies = [event(event_id="Ev1", retry_num=number or None) for number in range(10)]
            return await asyncio.gather(*(sent(events, copy) for copy in copies))

        assert bench.run(use) == [None] * 10
        assert len(ran) == 1

    def test_a_copy_of_a_running_event_runs_nothing(self, bench: Bench) -> None:
        ran: list[int] = []
        go_on = asyncio.Event()

        @bench.app.event("app_mention")
        async def slow() -> None:
            ran.append(1)
            await go_on.wait()

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event(event_id="Ev1"), event(event_id="Ev1", retry_num=1))
            go_on.set()

        bench.run(use)
        assert len(ran) == 1

    def test_a_copy_of_a_failed_event_runs_nothing(self, bench: Bench) -> None:
        bench.options = EventOptions(max_attempts=1)
        bench.app.event("app_mention")(lambda: 1 / 0)
        bench.send(event(event_id="Ev1"))
        bench.send(event(event_id="Ev1", retry_num=2))
        assert bench.metrics.failed == 1

    def test_events_without_an_id_are_distinguished_by_their_bodies(self, bench: Bench) -> None:
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))
        payloads = [event(text=text) for text in ("a", "b", "a")]
        for payload in payloads:
            del payload.body["event_id"]
            payload.event_id = None
        bench.send(*payloads)
        assert ran == ["a", "b"]


class TestFailing:
    """A listener that fails is retried on its own, with growing delays, until the event has failed for the last time."""

    def test_only_the_listener_that_failed_runs_again(self, bench: Bench) -> None:
        bench.delay = at_once
        ran: list[tuple[str, int]] = []

        @bench.app.event("app_mention")
        async def sound(context: Any) -> None:
            ran.append(("sound", context.attempt))

        @bench.app.event("app_mention")
        async def failing(context: Any) -> None:
            ran.append(("failing", context.attempt))
            if context.attempt < 3:
                raise ValueError

        bench.run(lambda _, events: _send_and_wait(events, lambda: bench.metrics.finished))
        assert ran == [("sound", 1), ("failing", 1), ("failing", 2), ("failing", 3)]
        assert (bench.metrics.retried, bench.metrics.finished, bench.metrics.failed) == (2, 1, 0)
        assert not unfinished(bench.store)

    def test_of_two_listeners_with_one_name_only_the_failed_one_runs_again(self, bench: Bench) -> None:
        bench.delay = at_once
        ran: list[str] = []

        def make(name: str, fails: bool) -> None:
            @bench.app.event("app_mention")
            async def listener(context: Any) -> None:
                ran.append(name)
                if fails and context.attempt == 1:
                    raise ValueError

        make("first", fails=False)
        make("second", fails=True)
        bench.run(lambda _, events: _send_and_wait(events, lambda: bench.metrics.finished))
        assert ran == ["first", "second", "second"]

    @pytest.mark.parametrize("durable", [True, False])
    def test_after_the_last_attempt_the_error_is_kept_without_its_message(
        self, bench: Bench, durable: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.delay = at_once
        bench.options = EventOptions(max_attempts=3, durable=durable)

        @bench.app.event("app_mention")
        async def failing() -> None:
            raise ValueError("sentinel")

        bench.run(lambda _, events: _send_and_wait(events, lambda: bench.metrics.failed, event(event_id="Ev1")))
        [found] = failed(bench.store)
        assert isinstance(found, StoredEvent)
        assert (found.event_id, found.attempts) == ("Ev1", 3)
        assert "ValueError at test_pipeline.py:" in found.error
        assert "sentinel" not in found.error
        assert "an event failed for the last time" in caplog.text
        assert not unfinished(bench.store)

    def test_delays_grow_and_differ(self) -> None:
        import random

        from latchkey.dispatch.events.backoff import delay

        chance = random.Random(1)
        for attempts, middle in enumerate([1, 5, 25, 125, 600, 600, 600], start=1):
            found = {delay(attempts, chance) for _ in range(200)}
            assert min(found) >= middle * 0.75
            assert max(found) <= middle * 1.25
            assert len(found) > 100

    def test_after_a_restart_only_the_failed_listener_is_retried_and_not_early(self, bench: Bench) -> None:
        bench.delay = lambda *_: 3600.0
        ran: list[tuple[str, int]] = []
        bench.app.event("app_mention")(lambda context: ran.append(("sound", context.attempt)))

        @bench.app.event("app_mention")
        def failing(context: Any) -> None:
            ran.append(("failing", context.attempt))
            if context.attempt == 1:
                raise ValueError

        bench.send(event())
        assert len(ran) == 2
        bench.live(0.1)
        assert len(ran) == 2, "it is not due"
        bench.clock = lambda: time.time() + 7200
        bench.live(0.1)
        assert ran[2:] == [("failing", 2)]
        bench.live(0.1)
        assert len(ran) == 3

    def test_a_failing_event_does_not_block_others(self, bench: Bench) -> None:
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any]) -> None:
            ran.append(event["text"])
            if event["text"] == "poison":
                raise ValueError

        bench.send(event(text="poison"), *(event(text="sound") for _ in range(5)))
        assert Counter(ran) == {"poison": 1, "sound": 5}

    def test_an_event_that_always_crashes_the_server_fails_without_another_run(self, bench: Bench) -> None:
        """An attempt is counted on disk before it starts."""
        bench.options = EventOptions(max_attempts=3)
        ran: list[int] = []
        lives = 0

        @bench.app.event("app_mention")
        async def deadly(context: Any) -> None:
            ran.append(context.attempt)
            await asyncio.sleep(3600)

        async def killed(_: Interactions, events: EventPipeline) -> None:
            if not lives:
                await send(events, event(event_id="Ev1"))
            await asyncio.sleep(0.15)
            # A killed process writes nothing more.
            bench.store.inbox.commit = _closed  # type: ignore[method-assign]

        for lives in range(5):  # noqa: B007  # read above
            bench.run(killed, drain_seconds=0)
            del bench.store.inbox.commit
        assert ran == [1, 2, 3]
        assert ids(failed(bench.store)) == [] or ids(failed(bench.store)) == ["Ev1"]
        bench.live(0.2)
        [found] = failed(bench.store)
        assert isinstance(found, StoredEvent)
        assert (found.attempts, found.error) == (3, "the server stopped while it ran")

    def test_an_unavailable_store_makes_no_event_fail(self, bench: Bench) -> None:
        bench.delay = at_once
        bench.options = EventOptions(max_attempts=2)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.installations.cached = False
        bench.installations.error = StoreUnavailable("locked", "the store is locked")

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event())
            await until(lambda: bench.metrics.retried >= 4)
            bench.installations.error = None
            await until(lambda: ran)

        bench.run(use)
        assert (len(ran), bench.metrics.failed) == (1, 0)

    def test_a_replay_runs_a_failed_event_as_if_it_were_new(self, bench: Bench) -> None:
        bench.options = EventOptions(max_attempts=1)
        ran: list[int] = []

        @bench.app.event("app_mention")
        def failing(context: Any) -> None:
            ran.append(context.attempt)
            if len(ran) == 1:
                raise ValueError

        bench.send(event(event_id="Ev1"))
        assert bench.store.event_admin.replay("Ev1")
        bench.live(0.3)
        assert ran == [1, 1]
        assert not failed(bench.store)
        assert not unfinished(bench.store)


class TestRestart:
    """Unfinished events are resumed at the next start."""

    def test_an_interrupted_event_runs_again_and_knows_its_attempt(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        attempts: list[int] = []

        @bench.app.event("app_mention")
        async def listener(context: Any) -> None:
            attempts.append(context.attempt)
            if len(attempts) == 1:
                await asyncio.sleep(3600)

        bench.run(lambda _, events: send(events, event()), drain_seconds=0.05)
        assert bench.unfinished == 1
        assert len(unfinished(bench.store)) == 1
        bench.live(0.2)
        assert attempts == [1, 2]
        assert "resuming 1 acknowledged events" in caplog.text
        bench.live(0.05)
        assert attempts == [1, 2]

    def test_finished_events_of_the_same_batch_do_not_run_again(self, bench: Bench) -> None:
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any]) -> None:
            ran.append(event["text"])
            if event["text"] == "stuck" and ran.count("stuck") == 1:
                await asyncio.sleep(3600)

        async def use(_: Interactions, events: EventPipeline) -> None:
            await asyncio.gather(*(sent(events, event(text=text)) for text in ("a", "stuck", "b")))
            await asyncio.sleep(0.2)

        bench.run(use, drain_seconds=0.05)
        bench.live(0.2)
        assert Counter(ran) == {"a": 1, "b": 1, "stuck": 2}

    def test_with_order_recovered_events_come_first_and_in_order(self, bench: Bench) -> None:
        bench.options = EventOptions(ordered=True)
        ran: list[str] = []
        stuck = True

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any]) -> None:
            if stuck:
                await asyncio.sleep(3600)
            ran.append(event["text"])

        bench.run(lambda _, events: send(events, *(event(text=str(n)) for n in range(5))), drain_seconds=0.05)
        stuck = False
        bench.run(lambda _, events: _send_and_wait(events, lambda: len(ran) == 6, event(text="5")))
        assert ran == ["0", "1", "2", "3", "4", "5"]

    def test_events_that_were_only_in_memory_are_lost(self, bench: Bench) -> None:
        bench.options = EventOptions(durable=False)
        ran: list[int] = []

        @bench.app.event("app_mention")
        async def listener() -> None:
            ran.append(1)
            await asyncio.sleep(3600)

        bench.run(lambda _, events: send(events, event()), drain_seconds=0.05)
        bench.live(0.1)
        assert len(ran) == 1


class TestOrder:
    def test_events_of_one_channel_run_in_order_and_do_not_block_other_channels(self, bench: Bench) -> None:
        bench.options = EventOptions(ordered=True)
        bench.delay = lambda *_: 0.05
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any], context: Any) -> None:
            if event["text"] == "first" and context.attempt < 3:
                raise ValueError
            ran.append(event["text"])

        payloads = [event(text="first"), event(text="second"), event(text="other", channel="C2")]

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, *payloads)
            await until(lambda: len(ran) == 3)

        bench.run(use)
        assert ran == ["other", "first", "second"]


class Commits:
    """The ids of the events and outcomes of each commit; a test can hold up the next one."""

    def __init__(self, bench: Bench) -> None:
        self.made: list[tuple[list[str], list[str]]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._commit = bench.store.inbox.commit
        bench.store.inbox.commit = self.commit  # type: ignore[method-assign]

    def commit(self, events: list[StoredEvent], outcomes: list[Outcome]) -> set[str]:
        self.made.append((ids(events), ids(outcome.event for outcome in outcomes)))
        assert self.go_on.wait(5)
        return self._commit(events, outcomes)


class TestCommits:
    """An outcome waits for no time to pass; while events keep coming, it shares their commits."""

    def test_on_an_idle_server_an_outcome_is_on_disk_without_waiting(self, bench: Bench) -> None:
        bench.app.event("app_mention")(lambda: None)
        commits = Commits(bench)

        async def use(_: Interactions, events: EventPipeline) -> None:
            loop = asyncio.get_running_loop()
            now = loop.time()
            loop.time = lambda: now  # type: ignore[method-assign]  # so that no timer fires
            sent_event = asyncio.ensure_future(sent(events, event(event_id="Ev1")))
            deadline = time.monotonic() + 5
            while len(commits.made) < 2 or unfinished(bench.store):
                assert time.monotonic() < deadline, f"only {commits.made}"
                await asyncio.sleep(0)
            del loop.time  # type: ignore[misc]
            assert await sent_event is None

        bench.run(use)
        assert commits.made == [(["Ev1"], []), ([], ["Ev1"])]

    def test_what_arrives_during_a_commit_shares_the_next_one(self, bench: Bench) -> None:
        finish = asyncio.Event()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await finish.wait()

        commits = Commits(bench)

        async def use(_: Interactions, events: EventPipeline) -> None:
            assert await send(events, event(event_id="Ev1"), event(event_id="Ev2")) == [None, None]
            commits.go_on.clear()
            waiting = [asyncio.ensure_future(sent(events, event(event_id="Ev3")))]
            await until(lambda: len(commits.made) == 3)
            finish.set()
            waiting.append(asyncio.ensure_future(sent(events, event(event_id="Ev4"))))
            await until(lambda: bench.metrics.finished == 2)
            commits.go_on.set()
            assert await asyncio.gather(*waiting) == [None, None]
            await until(lambda: not unfinished(bench.store))

        bench.run(use)
        assert commits.made[:4] == [(["Ev1"], []), (["Ev2"], []), (["Ev3"], []), (["Ev4"], ["Ev1", "Ev2"])]

    def test_a_later_outcome_of_an_event_replaces_an_earlier_one(self, bench: Bench) -> None:
        bench.delay = at_once

        @bench.app.event("app_mention")
        async def listener(context: Any) -> None:
            if context.attempt == 1:
                raise ValueError

        written: list[list[OutcomeKind]] = []
        commit = bench.store.inbox.commit

        def record(events: list[StoredEvent], outcomes: list[Outcome]) -> set[str]:
            written.append([outcome.kind for outcome in outcomes])
            if len(written) == 2:
                raise StoreUnavailable("full", "the disk is full")
            return commit(events, outcomes)

        bench.store.inbox.commit = record  # type: ignore[method-assign]
        bench.run(lambda _, events: _send_and_wait(events, lambda: bench.metrics.finished))
        assert written == [[], [OutcomeKind.RETRY], [OutcomeKind.RETRY], [OutcomeKind.DONE]]
        assert not unfinished(bench.store)


class TestBackPressure:
    """An event that cannot be stored is not acknowledged."""

    @pytest.mark.parametrize("durable", [True, False])
    @pytest.mark.parametrize("options", [{"inbox_events": 2}, {"inbox_bytes": 300}])
    def test_a_full_inbox_refuses_events_until_there_is_room(
        self, bench: Bench, options: dict[str, int], durable: bool
    ) -> None:
        bench.options = EventOptions(durable=durable, **options)
        go_on = asyncio.Event()
        ran: list[int] = []

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()
            ran.append(1)

        async def use(_: Interactions, events: EventPipeline) -> None:
            assert [type(answer) for answer in await send(events, *(event() for _ in range(4)))] == [
                type(None), type(None), Overloaded, Overloaded,
            ]  # fmt: skip
            go_on.set()
            await until(lambda: len(ran) == 2)
            await asyncio.sleep(0.2)
            assert await send(events, event()) == [None]

        bench.run(use)
        assert (bench.metrics.refused, bench.metrics.acknowledged, len(ran)) == (2, 3, 3)

    def test_a_locked_store_refuses_events_in_time_and_accepts_the_retry(self, bench: Bench, tmp_path: Path) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Interactions, events: EventPipeline) -> None:
            with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                answers = await asyncio.gather(*(sent(events, event(event_id=f"Ev-{n}")) for n in range(20)))
                assert time.monotonic() - begun < 2.5
                assert all(isinstance(answer, StoreUnavailable) for answer in answers)
                other.execute("ROLLBACK")
            assert not ran
            assert await send(events, event(event_id="Ev-1", retry_num=1)) == [None]

        bench.run(use)
        assert len(ran) == 1
        assert bench.metrics.refused == 20

    def test_a_copy_sent_during_a_late_commit_does_not_run_as_well(self, bench: Bench) -> None:
        """The first copy is refused at its deadline but committed later, and Slack has sent the event again."""
        bench.deadline = 0.1
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Interactions, events: EventPipeline) -> list[Exception | None]:
            commit = bench.store.inbox.commit
            bench.store.inbox.commit = lambda *written: time.sleep(0.4) or commit(*written)  # type: ignore[method-assign,func-returns-value]
            answers = await send(events, *(event(event_id="Ev1", retry_num=number or None) for number in range(3)))
            await until(lambda: ran)
            return answers + await send(events, event(event_id="Ev1", retry_num=3))

        assert [type(answer) for answer in bench.run(use)] == [StoreUnavailable] * 3 + [type(None)]
        assert len(ran) == 1

    def test_events_behind_a_late_commit_are_refused_in_time_and_accepted_later(self, bench: Bench) -> None:
        bench.deadline = 0.1
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))

        async def use(_: Interactions, events: EventPipeline) -> None:
            commit = bench.store.inbox.commit
            bench.store.inbox.commit = lambda *written: time.sleep(0.4) or commit(*written)  # type: ignore[method-assign,func-returns-value]
            first = asyncio.ensure_future(sent(events, event(text="first")))
            await asyncio.sleep(0.02)
            assert isinstance(await sent(events, event(event_id="Ev2", text="behind")), StoreUnavailable)
            assert isinstance(await first, StoreUnavailable)
            bench.store.inbox.commit = commit  # type: ignore[method-assign]
            await until(lambda: ran)
            assert ran == ["first"]
            assert await sent(events, event(event_id="Ev2", text="behind", retry_num=1)) is None

        bench.run(use)
        assert ran == ["first", "behind"]

    def test_an_outcome_that_cannot_be_written_is_written_later(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        go_on = asyncio.Event()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event(event_id="Ev1"))
            with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                go_on.set()
                await until(lambda: "could not save the outcomes of 1 events" in caplog.text)
                assert await send(events, event(event_id="Ev1", retry_num=1)) == [None], "it is still recognized"
                other.execute("ROLLBACK")
            await until(lambda: not unfinished(bench.store))

        bench.run(use)
        assert bench.metrics.finished == 1

    def test_an_unreadable_record_does_not_prevent_the_start_and_stays(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.app.event("app_mention")(lambda: time.sleep(3600) if False else None)
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as other, other:
            other.execute("INSERT INTO inbox (key, value) VALUES ('0001', x'00')")
            other.execute("INSERT INTO retries (key, value) VALUES ('Ev1', x'00')")
        assert bench.send(event()) == [None]
        assert "cannot read acknowledged events" in caplog.text
        assert sum(isinstance(found, UnreadableRecord) for found in unfinished(bench.store)) == 2


class TestMetrics:
    def test_counters_reach_prometheus(self, bench: Bench) -> None:
        from prometheus_client import generate_latest

        bench.app.event("app_mention")(lambda: None)
        bench.send(event(event_id="Ev1"), event(event_id="Ev1"))
        bench.metrics.observe_ack(0.02)
        bench.metrics.observe_ack(9)
        text = generate_latest(bench.metrics.registry).decode()
        for line in (
            "latchkey_events_received_total 2.0",
            "latchkey_events_acknowledged_total 1.0",
            "latchkey_events_deduplicated_total 1.0",
            "latchkey_inbox_events 0.0",
            'latchkey_event_ack_seconds_bucket{le="0.025"} 1.0',
            'latchkey_event_ack_seconds_bucket{le="3.0"} 1.0',
            'latchkey_event_ack_seconds_bucket{le="+Inf"} 2.0',
            "latchkey_event_ack_seconds_sum 9.02",
        ):
            assert line in text

    def test_the_age_of_the_oldest_event_is_shown(self, bench: Bench) -> None:
        @bench.app.event("app_mention")
        async def listener() -> None:
            await asyncio.sleep(0.2)

        async def use(_: Interactions, events: EventPipeline) -> float:
            await send(events, event())
            await asyncio.sleep(0.1)
            return bench.metrics.registry.get_sample_value("latchkey_inbox_oldest_seconds") or 0.0

        assert 0.05 < bench.run(use) < 5


async def _send_and_wait(events: EventPipeline, happened: Any, payload: Any = None) -> None:
    await send(events, payload or event())
    await until(happened)


def _closed(*_: object) -> set[str]:
    raise StoreUnavailable("closed", "the process is gone")


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
