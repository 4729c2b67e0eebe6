"""Events of a workspace that has removed the app are dropped wherever they are."""

import asyncio
import json
import threading
from typing import Any

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.dispatch.events import pipeline
from latchkey.errors import StoreUnavailable
from latchkey.slackapi.requests import WorkspaceId
from tests.dispatch.doubles import Bench, event, send
from tests.dispatch.events.waiting import at_once, send_and_wait
from tests.support.clocks import Clock
from tests.support.stores import failed, unfinished
from tests.support.waiting import until


def is_team(workspace: WorkspaceId) -> bool:
    return workspace.team_id == "T1"


@pytest.fixture
def ran(bench: Bench) -> list[str]:
    """The texts of the events that ran; "stuck" and "stuck and failing" run until they are released."""
    bench.released = asyncio.Event()  # type: ignore[attr-defined]
    texts: list[str] = []

    @bench.app.event("app_mention")
    async def listener(event: dict[str, Any]) -> None:
        texts.append(event["text"])
        if event["text"].startswith("stuck"):
            await bench.released.wait()  # type: ignore[attr-defined]
        if event["text"].endswith("failing"):
            raise ValueError

    return texts


def test_an_event_is_dropped_before_it_is_on_disk(bench: Bench, ran: list[str]) -> None:
    async def use(_: Interactions, events: EventPipeline) -> None:
        answers: list[Exception | None] = []
        payload = event(text="arriving")
        events.accept(payload, json.dumps(payload.body).encode(), "request-1", answers.append)
        assert await events.drop(is_team, None) == 1
        assert answers == [None]
        assert unfinished(bench.store) == []
        assert await events.drop(is_team, None) == 0

    bench.run(use)
    assert ran == []
    assert bench.count("events_dropped") == 1


@pytest.mark.parametrize("durable", [True, False])
def test_running_listeners_are_not_stopped_but_not_retried(bench: Bench, ran: list[str], durable: bool) -> None:
    bench.options = EventOptions(durable=durable)
    bench.delay = at_once

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send(events, event(text="stuck"), event(text="stuck and failing"))
        await until(lambda: len(ran) == 2)
        assert await events.drop(is_team, None) == 0
        assert unfinished(bench.store) == []  # a crash does not make them run again
        bench.released.set()  # type: ignore[attr-defined]
        await until(lambda: bench.count("events_finished") == bench.count("events_dropped") == 1)

    bench.run(use)
    assert unfinished(bench.store) == []
    assert len(ran) == 2
    assert failed(bench.store) == []


def test_an_event_is_dropped_while_its_second_attempt_begins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its start is not on disk yet."""
    bench.delay = at_once
    committing, commit = threading.Event(), bench.store.inbox.commit
    committing.set()
    runs: list[int] = []

    def slow_commit(*arguments: Any) -> set[str]:
        committing.wait()
        return commit(*arguments)

    @bench.app.event("app_mention")
    async def failing(context: Any) -> None:
        runs.append(context.attempt)
        committing.clear()
        raise ValueError

    async def use(_: Interactions, events: EventPipeline) -> None:
        monkeypatch.setattr(bench.store.inbox, "commit", slow_commit)
        await send_and_wait(events, lambda: bench.count("events_retried"))
        await asyncio.sleep(0.05)  # the second attempt waits for its commit, which waits for the first one's
        dropping = asyncio.ensure_future(events.drop(is_team, None))
        await asyncio.sleep(0.05)
        committing.set()
        await dropping
        await until(lambda: bench.count("events_dropped"), 2)

    bench.run(use)
    assert runs == [1]
    assert bench.unfinished == 0
    assert unfinished(bench.store) == []


def test_in_order_the_channels_next_event_runs_after_a_drop(bench: Bench, ran: list[str]) -> None:
    bench.options = EventOptions(ordered=True)
    bench.delay = lambda *_: 3600.0

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send_and_wait(events, lambda: bench.count("events_retried"), event(text="failing"))
        await send(events, event(text="blocked"))
        assert await events.drop(is_team, None) == 2
        await send_and_wait(events, lambda: ran[1:], event(text="later"))

    bench.run(use)
    assert ran == ["failing", "later"]


def test_recovered_events_that_wait_for_their_retry_are_dropped_once(
    bench: Bench, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "REPLAY_POLL_SECONDS", 0.01)
    bench.clock = clock = Clock()
    bench.delay = lambda *_: 3600.0
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_retried"), event(text="failing")))

    async def use(_: Interactions, events: EventPipeline) -> None:
        assert await events.drop(is_team, None) == 1
        assert unfinished(bench.store) == []
        clock.now += 4000  # when its retry would have been due
        await asyncio.sleep(0.05)

    bench.run(use)
    assert ran == ["failing"]
    assert bench.count("events_dropped") == 1


def test_a_dropped_event_is_not_retried(bench: Bench, ran: list[str]) -> None:
    bench.delay = lambda *_: 0.05

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send_and_wait(events, lambda: bench.count("events_retried"), event(text="failing"))
        assert await events.drop(is_team, None) == 1
        await asyncio.sleep(0.1)

    bench.run(use)
    assert ran == ["failing"]


@pytest.mark.parametrize(("until_time", "dropped"), [(0, 0), (1, 1), (2.5, 1)])
def test_events_after_the_uninstall_stay(bench: Bench, ran: list[str], until_time: float, dropped: int) -> None:
    """The event's own time is 1."""
    bench.delay = lambda *_: 3600.0

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send_and_wait(events, lambda: bench.count("events_retried"), event(text="failing"))
        assert await events.drop(is_team, until_time) == dropped

    bench.run(use)


def test_raises_if_the_store_does_not_take_the_drop(
    bench: Bench, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deadline = 0.1
    bench.delay = lambda *_: 3600.0

    async def use(_: Interactions, events: EventPipeline) -> None:
        await send_and_wait(events, lambda: bench.count("events_retried"), event(text="failing"))
        await until(lambda: unfinished(bench.store)[0].attempts == 1)  # type: ignore[union-attr]
        with monkeypatch.context() as patched:
            patched.setattr(bench.store.inbox, "commit", _unavailable)
            with pytest.raises(StoreUnavailable, match="did not drop"):
                await events.drop(is_team, None)
        assert len(unfinished(bench.store)) == 1
        await until(lambda: not unfinished(bench.store))  # it is written with the next commit

    bench.run(use)
    assert bench.count("events_dropped") == 1


def _unavailable(*_: object) -> set[str]:
    raise StoreUnavailable("io", "the disk failed")
