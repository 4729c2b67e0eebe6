"""What was acknowledged is run until it has succeeded, whatever fails, and no longer than that."""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from latchkey.dispatch import Dispatcher, EventFlow, EventOptions
from latchkey.errors import Overloaded, StoreUnavailable, UnreadableRecord
from latchkey.storage import Tried
from tests.dispatch.doubles import Bench, event, send, sent
from tests.support.events_on_disk import aside, waiting


def at_once(*_: object) -> float:
    return 0.0


def ids(found: Any) -> list[str]:
    return [tried.event.event_id for tried in found]


async def until(happened: Any) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline, "it has not happened"
        await asyncio.sleep(0.005)


class TestOnce:
    """However often Slack sends an event, it runs once."""

    @pytest.mark.parametrize("durable", [True, False])
    def test_a_retry_of_a_finished_event_is_answered_and_runs_nothing(self, bench: Bench, durable: bool) -> None:
        bench.options = EventOptions(durable=durable)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        assert bench.send(event(event_id="Ev1"), event(event_id="Ev1", retry_num=1)) == [None, None]
        assert (len(ran), bench.metrics.deduplicated, bench.metrics.acknowledged) == (1, 1, 1)

    def test_also_after_a_restart_and_an_hour(self, bench: Bench) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.send(event(event_id="Ev1"))
        bench.clock = bench.store.inbox._clock = lambda: time.time() + 3600
        bench.send(event(event_id="Ev1", retry_num=3))
        assert len(ran) == 1

    @pytest.mark.parametrize("durable", [True, False])
    def test_ten_copies_at_once_run_once_and_are_all_answered(self, bench: Bench, durable: bool) -> None:
        bench.options = EventOptions(durable=durable)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Dispatcher, events: EventFlow) -> list[Exception | None]:
            copies = [event(event_id="Ev1", retry_num=number or None) for number in range(10)]
            return await asyncio.gather(*(sent(events, copy) for copy in copies))

        assert bench.run(use) == [None] * 10
        assert len(ran) == 1

    def test_an_event_that_is_being_run_is_known(self, bench: Bench) -> None:
        ran: list[int] = []
        go_on = asyncio.Event()

        @bench.app.event("app_mention")
        async def slow() -> None:
            ran.append(1)
            await go_on.wait()

        async def use(_: Dispatcher, events: EventFlow) -> None:
            await send(events, event(event_id="Ev1"), event(event_id="Ev1", retry_num=1))
            go_on.set()

        bench.run(use)
        assert len(ran) == 1

    def test_one_that_was_set_aside_is_known(self, bench: Bench) -> None:
        bench.options = EventOptions(tries=1)
        bench.app.event("app_mention")(lambda: 1 / 0)
        bench.send(event(event_id="Ev1"))
        bench.send(event(event_id="Ev1", retry_num=2))
        assert bench.metrics.set_aside == 1

    def test_events_without_an_id_are_told_apart_by_their_bodies(self, bench: Bench) -> None:
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))
        payloads = [event(text=text) for text in ("a", "b", "a")]
        for payload in payloads:
            del payload.body["event_id"]
            payload.event_id = None
        bench.send(*payloads)
        assert ran == ["a", "b"]


class TestFailing:
    """A listener that fails is tried again by itself, later each time, and then set aside."""

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
        assert (bench.metrics.retried, bench.metrics.finished, bench.metrics.set_aside) == (2, 1, 0)
        assert not waiting(bench.store)

    def test_of_two_with_one_name_the_one_that_failed_runs_again(self, bench: Bench) -> None:
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
    def test_after_its_last_try_it_is_set_aside_with_a_type_and_a_place_and_no_message(
        self, bench: Bench, durable: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.delay = at_once
        bench.options = EventOptions(tries=3, durable=durable)

        @bench.app.event("app_mention")
        async def failing() -> None:
            raise ValueError("sentinel")

        bench.run(lambda _, events: _send_and_wait(events, lambda: bench.metrics.set_aside, event(event_id="Ev1")))
        [tried] = aside(bench.store)
        assert isinstance(tried, Tried)
        assert (tried.event.event_id, tried.attempts) == ("Ev1", 3)
        assert "ValueError at test_pipeline.py:" in tried.error
        assert "sentinel" not in tried.error
        assert "an event was set aside" in caplog.text
        assert not waiting(bench.store)

    def test_it_waits_longer_each_time_and_never_twice_the_same(self) -> None:
        import random

        from latchkey.dispatch.events.backoff import delay

        chance = random.Random(1)
        for attempts, middle in enumerate([1, 5, 25, 125, 600, 600, 600], start=1):
            found = {delay(attempts, chance) for _ in range(200)}
            assert min(found) >= middle * 0.75
            assert max(found) <= middle * 1.25
            assert len(found) > 100

    def test_a_failed_event_survives_a_restart_with_what_it_has_left(self, bench: Bench) -> None:
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
        assert len(ran) == 2, "its time has not come"
        bench.clock = lambda: time.time() + 7200
        bench.live(0.1)
        assert ran[2:] == [("failing", 2)]
        bench.live(0.1)
        assert len(ran) == 3

    def test_a_poisoned_event_holds_up_nobody(self, bench: Bench) -> None:
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any]) -> None:
            ran.append(event["text"])
            if event["text"] == "poison":
                raise ValueError

        bench.send(event(text="poison"), *(event(text="sound") for _ in range(5)))
        assert Counter(ran) == {"poison": 1, "sound": 5}

    def test_an_event_that_ends_the_server_each_time_is_set_aside_unrun(self, bench: Bench) -> None:
        """A crash is counted before the attempt that it may end."""
        bench.options = EventOptions(tries=3)
        ran: list[int] = []
        lives = 0

        @bench.app.event("app_mention")
        async def deadly(context: Any) -> None:
            ran.append(context.attempt)
            await asyncio.sleep(3600)

        async def killed(_: Dispatcher, events: EventFlow) -> None:
            if not lives:
                await send(events, event(event_id="Ev1"))
            await asyncio.sleep(0.15)
            # What a killed process has not written is not written.
            events._ledger._commit = _never  # type: ignore[assignment]

        for lives in range(5):  # noqa: B007  # read above
            bench.run(killed, drain_seconds=0)
        assert ran == [1, 2, 3]
        assert ids(aside(bench.store)) == [] or ids(aside(bench.store)) == ["Ev1"]
        bench.live(0.2)
        [tried] = aside(bench.store)
        assert isinstance(tried, Tried)
        assert tried.error == "the server ended while it ran"

    def test_a_store_that_is_away_sets_nothing_aside(self, bench: Bench) -> None:
        bench.delay = at_once
        bench.options = EventOptions(tries=2)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.installations.cached = False
        bench.installations.error = StoreUnavailable("locked", "the store is locked")

        async def use(_: Dispatcher, events: EventFlow) -> None:
            await send(events, event())
            await until(lambda: bench.metrics.retried >= 4)
            bench.installations.error = None
            await until(lambda: ran)

        bench.run(use)
        assert (len(ran), bench.metrics.set_aside) == (1, 0)

    def test_the_administrators_retry_runs_it_as_if_it_were_new(self, bench: Bench) -> None:
        bench.options = EventOptions(tries=1)
        ran: list[int] = []

        @bench.app.event("app_mention")
        def failing(context: Any) -> None:
            ran.append(context.attempt)
            if len(ran) == 1:
                raise ValueError

        bench.send(event(event_id="Ev1"))
        assert bench.store.event_records.replay("Ev1")
        bench.live(0.3)
        assert ran == [1, 1]
        assert not aside(bench.store)
        assert not waiting(bench.store)


class TestRestart:
    """What was acknowledged and not finished goes on at the next start."""

    def test_an_event_under_way_runs_again_and_knows_its_attempt(
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
        assert len(waiting(bench.store)) == 1
        bench.live(0.2)
        assert attempts == [1, 2]
        assert "1 acknowledged events were not finished" in caplog.text
        bench.live(0.05)
        assert attempts == [1, 2]

    def test_finished_ones_of_the_same_commit_do_not_run_again(self, bench: Bench) -> None:
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any]) -> None:
            ran.append(event["text"])
            if event["text"] == "stuck" and ran.count("stuck") == 1:
                await asyncio.sleep(3600)

        async def use(_: Dispatcher, events: EventFlow) -> None:
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

    def test_what_was_acknowledged_from_memory_is_gone(self, bench: Bench) -> None:
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
    def test_a_channels_events_wait_for_each_other_and_other_channels_do_not(self, bench: Bench) -> None:
        bench.options = EventOptions(ordered=True)
        bench.delay = lambda *_: 0.05
        ran: list[str] = []

        @bench.app.event("app_mention")
        async def listener(event: dict[str, Any], context: Any) -> None:
            if event["text"] == "first" and context.attempt < 3:
                raise ValueError
            ran.append(event["text"])

        payloads = [event(text="first"), event(text="second"), event(text="other", channel="C2")]

        async def use(_: Dispatcher, events: EventFlow) -> None:
            await send(events, *payloads)
            await until(lambda: len(ran) == 3)

        bench.run(use)
        assert ran == ["other", "first", "second"]


class TestBackPressure:
    """What cannot be kept is not acknowledged."""

    @pytest.mark.parametrize("durable", [True, False])
    @pytest.mark.parametrize("options", [{"inbox_events": 2}, {"inbox_bytes": 300}])
    def test_a_full_inbox_refuses_and_takes_again_when_there_is_room(
        self, bench: Bench, options: dict[str, int], durable: bool
    ) -> None:
        bench.options = EventOptions(durable=durable, **options)
        go_on = asyncio.Event()
        ran: list[int] = []

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()
            ran.append(1)

        async def use(_: Dispatcher, events: EventFlow) -> None:
            assert [type(answer) for answer in await send(events, *(event() for _ in range(4)))] == [
                type(None), type(None), Overloaded, Overloaded,
            ]  # fmt: skip
            go_on.set()
            await until(lambda: len(ran) == 2)
            await asyncio.sleep(0.2)
            assert await send(events, event()) == [None]

        bench.run(use)
        assert (bench.metrics.refused, bench.metrics.acknowledged, len(ran)) == (2, 3, 3)

    def test_a_locked_store_refuses_in_time_and_the_retry_is_taken(self, bench: Bench, tmp_path: Path) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Dispatcher, events: EventFlow) -> None:
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

    def test_a_copy_beside_a_late_commit_does_not_run_as_well(self, bench: Bench) -> None:
        """The first copy is refused at its deadline, is committed all the same, and Slack has sent it again."""
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Dispatcher, events: EventFlow) -> list[Exception | None]:
            events._intake._deadline = 0.1
            accept = bench.store.inbox.accept
            bench.store.inbox.accept = lambda arrivals: time.sleep(0.4) or accept(arrivals)  # type: ignore[method-assign,func-returns-value]
            answers = await send(events, *(event(event_id="Ev1", retry_num=number or None) for number in range(3)))
            await until(lambda: ran)
            return answers + await send(events, event(event_id="Ev1", retry_num=3))

        assert [type(answer) for answer in bench.run(use)] == [StoreUnavailable] * 3 + [type(None)]
        assert len(ran) == 1

    def test_what_waits_behind_a_late_commit_is_refused_in_time_and_taken_later(self, bench: Bench) -> None:
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))

        async def use(_: Dispatcher, events: EventFlow) -> None:
            events._intake._deadline = 0.1
            accept = bench.store.inbox.accept
            bench.store.inbox.accept = lambda arrivals: time.sleep(0.4) or accept(arrivals)  # type: ignore[method-assign,func-returns-value]
            first = asyncio.ensure_future(sent(events, event(text="first")))
            await asyncio.sleep(0.02)
            assert isinstance(await sent(events, event(event_id="Ev2", text="behind")), StoreUnavailable)
            assert isinstance(await first, StoreUnavailable)
            bench.store.inbox.accept = accept  # type: ignore[method-assign]
            await until(lambda: ran)
            assert ran == ["first"]
            assert await sent(events, event(event_id="Ev2", text="behind", retry_num=1)) is None

        bench.run(use)
        assert ran == ["first", "behind"]

    def test_an_end_that_cannot_be_written_is_written_later(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        go_on = asyncio.Event()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()

        async def use(_: Dispatcher, events: EventFlow) -> None:
            await send(events, event(event_id="Ev1"))
            with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                go_on.set()
                await until(lambda: "could not be written" in caplog.text)
                assert await send(events, event(event_id="Ev1", retry_num=1)) == [None], "it is still known"
                other.execute("ROLLBACK")
            await until(lambda: not waiting(bench.store))

        bench.run(use)
        assert bench.metrics.finished == 1

    def test_a_record_that_cannot_be_opened_stops_no_start_and_stays(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.app.event("app_mention")(lambda: time.sleep(3600) if False else None)
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as other, other:
            other.execute("INSERT INTO inbox (key, value) VALUES ('0001', x'00')")
            other.execute("INSERT INTO retries (key, value) VALUES ('Ev1', x'00')")
        assert bench.send(event()) == [None]
        assert "acknowledged events cannot be read" in caplog.text
        assert sum(isinstance(found, UnreadableRecord) for found in waiting(bench.store)) == 2


class TestNotices:
    def test_the_numbers_are_what_prometheus_reads(self, bench: Bench) -> None:
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

    def test_the_oldest_events_age_is_told(self, bench: Bench) -> None:
        @bench.app.event("app_mention")
        async def listener() -> None:
            await asyncio.sleep(0.2)

        async def use(_: Dispatcher, events: EventFlow) -> float:
            await send(events, event())
            await asyncio.sleep(0.1)
            return events._pending.oldest_seconds()

        assert 0.05 < bench.run(use) < 5


async def _send_and_wait(events: EventFlow, happened: Any, payload: Any = None) -> None:
    await send(events, payload or event())
    await until(happened)


def _never(_: object) -> asyncio.Future[None]:
    raise StoreUnavailable("closed", "the process is gone")


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
