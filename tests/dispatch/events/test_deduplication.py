"""An event runs once, however many copies Slack sends."""

import asyncio
import time
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from tests.dispatch.doubles import Bench, event, send, sent


class TestOnce:
    @pytest.mark.parametrize("durable", [True, False])
    def test_a_retry_of_a_finished_event_is_answered_and_runs_nothing(self, bench: Bench, durable: bool) -> None:
        bench.options = EventOptions(durable=durable)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        assert bench.send(event(event_id="Ev1"), event(event_id="Ev1", retry_num=1)) == [None, None]
        assert (len(ran), bench.count("events_deduplicated"), bench.count("events_acknowledged")) == (1, 1, 1)

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
        assert bench.count("events_failed") == 1

    def test_events_without_an_id_are_distinguished_by_their_bodies(self, bench: Bench) -> None:
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))
        payloads = [event(text=text) for text in ("a", "b", "a")]
        for payload in payloads:
            del payload.body["event_id"]
            payload.event_id = None
        bench.send(*payloads)
        assert ran == ["a", "b"]
