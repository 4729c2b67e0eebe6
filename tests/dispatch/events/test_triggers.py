"""An event with a trigger id runs at once, and only once: a person waits, and the trigger soon expires."""

import asyncio
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.dispatch.events import workers
from latchkey.errors import StoreUnavailable, TokenUnavailable
from latchkey.storage import EventStatus, StoredEvent
from tests.dispatch.doubles import Bench, event, send, sent
from tests.dispatch.events.waiting import at_once, send_and_wait
from tests.support.stores import failed, unfinished
from tests.support.waiting import until


def details(**fields: Any) -> Any:
    return event("entity_details_requested", trigger_id="1.2.abc", **fields)


def the_failed(bench: Bench) -> StoredEvent:
    [found] = failed(bench.store)
    assert isinstance(found, StoredEvent)
    assert not unfinished(bench.store)
    return found


def test_a_failure_is_not_retried(bench: Bench) -> None:
    bench.delay = at_once
    ran: list[int] = []

    @bench.app.event("entity_details_requested")
    async def listener(attempt: int) -> None:
        ran.append(attempt)
        raise ValueError

    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_failed"), details()))
    bench.live(0.05)
    found = the_failed(bench)
    assert (ran, found.status, found.attempts) == ([1], EventStatus.FAILED, 1)
    assert found.error.startswith("trigger expired: ")
    assert "ValueError at test_triggers.py" in found.error
    assert bench.count("events_retried") == 0


@pytest.mark.parametrize("error", [StoreUnavailable("timeout", "x"), TokenUnavailable("W1", "ratelimited")])
def test_without_a_token_it_fails_too(bench: Bench, error: Exception) -> None:
    """A day later, a token would be of no use."""
    bench.delay = at_once
    ran: list[int] = []
    bench.app.event("entity_details_requested")(lambda: ran.append(1))
    bench.installations.cached, bench.installations.error = False, error
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_failed"), details()))
    assert the_failed(bench).error.startswith(f"trigger expired: {type(error).__name__}")
    assert not ran


def test_an_interrupted_event_does_not_run_again(bench: Bench) -> None:
    ran: list[int] = []

    @bench.app.event("entity_details_requested")
    async def listener(attempt: int) -> None:
        ran.append(attempt)
        await asyncio.sleep(3600)

    bench.run(lambda _, events: send(events, details()), drain_seconds=0.05)
    assert len(unfinished(bench.store)) == 1
    bench.live_until(lambda: bench.count("events_failed"))
    assert ran == [1]
    assert the_failed(bench).error == "trigger expired: the server stopped while it ran"


@pytest.mark.parametrize("durable", [True, False])
def test_a_success_leaves_nothing(bench: Bench, durable: bool) -> None:
    bench.options = EventOptions(durable=durable)
    bench.app.event("entity_details_requested")(lambda: None)
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished"), details()))
    assert not failed(bench.store)
    assert not unfinished(bench.store)


def test_it_does_not_wait_for_an_earlier_event_of_its_channel(bench: Bench) -> None:
    bench.options = EventOptions(ordered=True)
    ran: list[str] = []

    @bench.app.event("app_mention")
    async def busy(event: dict[str, Any]) -> None:
        await until(lambda: "details" in ran)
        ran.append(event["text"])

    @bench.app.event("entity_details_requested")
    async def listener() -> None:
        ran.append("details")

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send(events, event(text="first"), event(text="second"), details())
        await until(lambda: len(ran) == 3)

    bench.run(use)
    assert ran == ["details", "first", "second"]


def test_it_waits_for_no_slot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    @bench.app.event("app_mention")
    async def busy(event: dict[str, Any]) -> None:
        ran.append(event["text"])
        await until(lambda: "details" in ran)

    @bench.app.event("entity_details_requested")
    async def listener() -> None:
        ran.append("details")

    async def use(_: Interactions, events: EventPipeline) -> None:
        fill = [event(text="running") for _ in range(workers.MAX_PER_WORKSPACE)]
        await asyncio.gather(*(sent(events, each) for each in [*fill, event(text="queued")]))
        await until(lambda: len(ran) == workers.MAX_PER_WORKSPACE)
        await send(events, details())
        await until(lambda: "queued" in ran)
        await send(events, event(text="later"))
        await until(lambda: "later" in ran)

    bench.run(use)
    assert ran[-3:] == ["details", "queued", "later"]
    assert bench.count("events_finished") == workers.MAX_PER_WORKSPACE + 3


def test_a_trigger_id_that_is_no_text_changes_nothing(bench: Bench) -> None:
    bench.delay = at_once
    ran: list[int] = []

    @bench.app.event("entity_details_requested")
    async def listener(attempt: int) -> None:
        ran.append(attempt)
        if attempt == 1:
            raise ValueError

    odd = event("entity_details_requested", trigger_id=None)
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished"), odd))
    assert ran == [1, 2]
