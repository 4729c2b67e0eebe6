"""Places: whoever only waits holds up nobody, and nothing is ever handed out twice or lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from latchkey.dispatch.fair_queue import Lanes
from latchkey.dispatch.slots import Place, Turns
from tests.dispatch.doubles import Bench, event, send


def run(use: Callable[[], Any]) -> Any:
    return asyncio.run(use())


def test_so_many_at_once_and_so_many_of_one_workspace() -> None:
    async def use() -> None:
        turns, inside = Turns(most=3, most_each=2), []
        leave = asyncio.Event()

        async def work(workspace: str) -> None:
            async with turns.turn(workspace):
                inside.append(workspace)
                await leave.wait()

        tasks = [asyncio.ensure_future(work(workspace)) for workspace in ("A", "A", "A", "B", "B")]
        await asyncio.sleep(0.01)
        assert sorted(inside) == ["A", "A", "B"]
        leave.set()
        await asyncio.gather(*tasks)
        assert len(inside) == 5
        assert not turns._lanes._workspaces

    run(use)


def test_a_lent_place_lets_another_in() -> None:
    async def use() -> None:
        turns = Turns(most=1, most_each=1)
        async with turns.turn("A") as place:
            with place.lent(), place.lent():
                async with turns.turn("B"):
                    pass
        assert not turns._lanes._workspaces

    run(use)


@pytest.mark.parametrize("moment", [0, 1])
def test_one_cancelled_before_or_at_its_turn_leaves_the_place_to_others(moment: int) -> None:
    async def use() -> None:
        turns = Turns(most=1, most_each=1)

        async def work() -> None:
            async with turns.turn("B"):
                await asyncio.sleep(0)

        async with turns.turn("A"):
            waiting = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            if not moment:
                waiting.cancel()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(1), turns.turn("C"):
            pass
        assert not turns._lanes._workspaces

    run(use)


def test_a_place_given_up_while_it_is_lent_is_not_lent_again() -> None:
    lanes: Lanes[str] = Lanes(most=1, most_each=1, ordered=False)
    lanes.add("A", None, "one")
    assert lanes.next() == "one"
    place = Place(lanes, "A", None, lambda: None)
    with place.lent():
        place.give_up()
        with place.lent():
            lanes.add("A", None, "two")
            lanes.add("A", None, "three")
            assert lanes.next() == "two"
            assert lanes.next() is None
    assert lanes.next() is None
    Place(lanes, "A", None, lambda: None).give_up()
    assert lanes.next() == "three"


class AnyOrder(RuleBasedStateMachine):
    """Places held, lent and given up in any order: in the end all is as it was."""

    @initialize(most=st.integers(1, 3), most_each=st.integers(1, 2))
    def make(self, most: int, most_each: int) -> None:
        self.lanes: Lanes[str] = Lanes(most=most, most_each=most_each, ordered=False)
        self.held: list[tuple[str, Place]] = []
        self.lent: list[tuple[Place, Any]] = []

    def take(self) -> None:
        while (workspace := self.lanes.next()) is not None:
            self.held.append((workspace, Place(self.lanes, workspace, None, lambda: None)))

    @rule(workspace=st.sampled_from("AB"))
    def add(self, workspace: str) -> None:
        self.lanes.add(workspace, None, workspace)
        self.take()

    @rule(which=st.integers(0, 9))
    def lend(self, which: int) -> None:
        if self.held:
            place = self.held[which % len(self.held)][1]
            lending = place.lent()
            lending.__enter__()
            self.lent.append((place, lending))
            self.take()

    @rule(which=st.integers(0, 9))
    def take_back(self, which: int) -> None:
        if self.lent:
            self.lent.pop(which % len(self.lent))[1].__exit__(None, None, None)

    @rule(which=st.integers(0, 9))
    def give_up(self, which: int) -> None:
        if self.held:
            self.held.pop(which % len(self.held))[1].give_up()
            self.take()

    def teardown(self) -> None:
        while self.held:
            self.give_up(0)
        while self.lent:
            self.take_back(0)
        self.take()
        assert not self.held, "nothing waits where all have gone"
        assert not self.lanes._workspaces
        assert self.lanes._running == 0


TestPlacesInAnyOrder = AnyOrder.TestCase


def test_events_that_wait_for_slack_hold_up_nobody_of_their_workspace(bench: Bench) -> None:
    released, handled = asyncio.Event(), []

    @bench.app.event("app_mention")
    async def listener(event: dict[str, Any], client: Any) -> None:
        if event["text"] == "limited":
            await client.wait_for_slack(released)
        handled.append(event["text"])

    async def use(dispatcher: Any, events: Any) -> None:
        await send(events, *(event(text="limited") for _ in range(150)), event(text="other"))
        await asyncio.sleep(0.05)
        assert handled == ["other"]
        released.set()

    bench.run(use)
    assert len(handled) == 151


def test_threads_that_wait_for_slack_hold_up_nobody_either(bench: Bench) -> None:
    released, handled = asyncio.Event(), []

    @bench.app.event("app_mention")
    def listener(event: dict[str, Any], client: Any) -> None:
        if event["text"] == "limited":
            client.api_call("wait", json={"released": released})
        handled.append(event["text"])

    async def use(dispatcher: Any, events: Any) -> None:
        await send(events, *(event(text="limited") for _ in range(20)), event(text="other"))
        async with asyncio.timeout(5):
            while handled != ["other"]:
                await asyncio.sleep(0.01)
        released.set()

    bench.run(use)
    assert len(handled) == 21
