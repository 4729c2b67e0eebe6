"""A listener that fails is retried on its own, with growing delays, until the event has failed for the last time."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.dispatch.events import backoff
from latchkey.errors import MustReinstall, StoreUnavailable, TokenUnavailable
from latchkey.slackapi.requests import parse
from latchkey.storage import StoredEvent
from tests.dispatch.doubles import Bench, event, send
from tests.dispatch.events.waiting import at_once, send_and_wait
from tests.support.stores import failed, unfinished
from tests.support.waiting import until


class TestRetries:
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

        bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished")))
        assert ran == [("sound", 1), ("failing", 1), ("failing", 2), ("failing", 3)]
        assert [bench.count(f"events_{outcome}") for outcome in ("retried", "finished", "failed")] == [2, 1, 0]
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
        bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished")))
        assert ran == ["first", "second", "second"]

    @pytest.mark.parametrize("durable", [True, False])
    def test_half_a_surrogate_pair_in_a_stored_event_is_replaced_at_each_attempt(
        self, bench: Bench, durable: bool
    ) -> None:
        bench.delay = at_once
        bench.options = EventOptions(durable=durable)
        seen: list[str] = []

        @bench.app.event("message")
        async def fails_once(event: dict[str, Any]) -> None:
            seen.append(event["text"])
            assert len(seen) > 1

        body = (
            b'{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"message","text":"cut \\ud83d"}}'
        )

        async def send_and_wait_for_the_retry(_: Interactions, events: EventPipeline) -> None:
            events.accept(parse("application/json", body), body, "request-1", lambda error: None)
            await until(lambda: bench.count("events_finished"))

        bench.run(send_and_wait_for_the_retry)
        assert seen == ["cut \ufffd"] * 2

    @pytest.mark.parametrize("durable", [True, False])
    def test_after_the_last_attempt_the_error_is_kept_without_its_message(
        self, bench: Bench, durable: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.delay = at_once
        bench.options = EventOptions(max_attempts=3, durable=durable)

        @bench.app.event("app_mention")
        async def failing() -> None:
            raise ValueError("sentinel")

        bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_failed"), event(event_id="Ev1")))
        [found] = failed(bench.store)
        assert isinstance(found, StoredEvent)
        assert (found.event_id, found.attempts) == ("Ev1", 3)
        assert "ValueError at test_retries.py:" in found.error
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
        bench.live_until(lambda: len(ran) == 3)
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
            await until(lambda: len(ran) == min(lives + 1, 3))
            # A killed process writes nothing more.
            bench.store.inbox.commit = _closed  # type: ignore[method-assign]

        for lives in range(5):  # noqa: B007  # read above
            bench.run(killed, drain_seconds=0)
            del bench.store.inbox.commit
        assert ran == [1, 2, 3]
        bench.live_until(lambda: failed(bench.store))
        [found] = failed(bench.store)
        assert isinstance(found, StoredEvent)
        assert (found.attempts, found.error) == (3, "the server stopped while it ran")

    @pytest.mark.parametrize(
        "error",
        [
            StoreUnavailable("locked", "the store is locked"),
            TokenUnavailable("the bot token of workspace T1", "internal_error"),
        ],
        ids=["store", "token"],
    )
    def test_an_unavailable_store_or_token_makes_no_event_fail(self, bench: Bench, error: Exception) -> None:
        bench.delay = at_once
        bench.options = EventOptions(max_attempts=2)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.installations.cached = False
        bench.installations.error = error

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event())
            await until(lambda: bench.count("events_retried") >= 4)
            bench.installations.error = None
            await until(lambda: ran)

        bench.run(use)
        assert (len(ran), bench.count("events_failed")) == (1, 0)

    def test_an_event_fails_if_its_workspace_must_reinstall_and_can_be_replayed(self, bench: Bench) -> None:
        bench.delay = at_once
        bench.options = EventOptions(max_attempts=2)
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))
        bench.installations.cached = False
        bench.installations.error = MustReinstall("the bot token of workspace T1", "invalid_refresh_token")

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event(event_id="Ev1"))
            await until(lambda: bench.count("events_failed"))

        bench.run(use)
        assert (len(ran), len(failed(bench.store))) == (0, 1)
        bench.installations.error = None
        assert bench.store.event_admin.replay("Ev1")
        bench.live_until(lambda: ran)

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
        bench.live_until(lambda: len(ran) == 2)
        assert ran == [1, 1]
        assert not failed(bench.store)
        assert not unfinished(bench.store)


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


@pytest.mark.parametrize(("age", "seconds"), [(-5, 0), (0, 0), (40, 10), (100_000, 600)])
def test_an_event_without_a_token_waits_longer_the_older_it_is(age: float, seconds: float) -> None:
    assert backoff.delay_by_age(age) == seconds


def _closed(*_: object) -> set[str]:
    raise StoreUnavailable("closed", "the process is gone")
