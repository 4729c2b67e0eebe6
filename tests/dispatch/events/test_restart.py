"""Unfinished events are resumed at the next start."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.dispatch.events import backoff, pipeline
from tests.dispatch.doubles import Bench, event, send, sent
from tests.dispatch.events.waiting import send_and_wait
from tests.support.clocks import Clock
from tests.support.stores import unfinished
from tests.support.waiting import until

DAY = 86400.0


class TestRestart:
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
        bench.live_until(lambda: len(attempts) == 2)
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
            await until(lambda: len(unfinished(bench.store)) == 1)

        bench.run(use, drain_seconds=0.05)
        bench.live_until(lambda: len(ran) == 4)
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
        bench.run(lambda _, events: send_and_wait(events, lambda: len(ran) == 6, event(text="5")))
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


@pytest.fixture
def frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the housekeeping run often."""
    monkeypatch.setattr(pipeline, "REPLAY_POLL_SECONDS", 0.01)


@pytest.mark.usefixtures("frequent")
class TestRestartWithAWrongClock:
    def test_a_retry_that_seems_a_day_away_runs_once_the_clock_is_right(self, bench: Bench) -> None:
        bench.clock = clock = Clock()
        attempts = failing_once(bench)

        async def correct_the_clock(_: Interactions, __: EventPipeline) -> None:
            await asyncio.sleep(0.05)
            assert attempts == [1]
            clock.now += DAY + backoff.LONGEST_SECONDS
            await until(lambda: attempts == [1, 2])

        clock.now -= DAY
        bench.run(correct_the_clock)

    def test_no_retry_waits_longer_than_the_longest_delay(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.clock = clock = Clock()
        attempts = failing_once(bench)
        clock.now -= DAY
        monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.1)
        bench.live_until(lambda: attempts == [1, 2])


def failing_once(bench: Bench) -> list[int]:
    """Let an event fail, and stop before its retry; returns the attempts, of which the second succeeds."""
    attempts: list[int] = []

    @bench.app.event("app_mention")
    async def listener(context: Any) -> None:
        attempts.append(context.attempt)
        if len(attempts) == 1:
            raise ValueError

    bench.delay = lambda *_: backoff.LONGEST_SECONDS
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_retried")))
    return attempts
