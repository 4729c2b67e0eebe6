"""Slots: work that waits for Slack delays nobody, and no slot is handed out twice or lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from latchkey.dispatch.fair_queue import FairQueue
from latchkey.dispatch.slots import Slot, SlotPool
from tests.dispatch.doubles import Bench, event, send
from tests.support.waiting import until


def run(use: Callable[[], Any]) -> Any:
    return asyncio.run(use())


def noop() -> None:
    pass


def one_at_a_time() -> FairQueue[str]:
    return FairQueue(max_running=1, max_per_workspace=1, ordered=False)


def test_limits_slots_in_all_and_per_workspace() -> None:
    async def use() -> None:
        pool, inside = SlotPool(max_slots=3, max_per_workspace=2), []
        finish = asyncio.Event()

        async def work(workspace: str) -> None:
            async with pool.slot(workspace):
                inside.append(workspace)
                await finish.wait()

        tasks = [asyncio.ensure_future(work(workspace)) for workspace in ("A", "A", "A", "B", "B")]
        await asyncio.sleep(0.01)
        assert sorted(inside) == ["A", "A", "B"]
        finish.set()
        await asyncio.gather(*tasks)
        assert len(inside) == 5
        assert pool.is_empty

    run(use)


def test_a_released_slot_admits_another() -> None:
    async def use() -> None:
        pool = SlotPool(max_slots=1, max_per_workspace=1)
        async with pool.slot("A") as slot:
            with slot.released(), slot.released():
                async with pool.slot("B"):
                    pass
        assert pool.is_empty

    run(use)


@pytest.mark.parametrize("is_admitted", [False, True])
def test_a_cancelled_waiter_leaves_the_slot_to_others(is_admitted: bool) -> None:
    async def use() -> None:
        pool = SlotPool(max_slots=1, max_per_workspace=1)

        async def work() -> None:
            async with pool.slot("B"):
                await asyncio.sleep(0)

        async with pool.slot("A"):
            waiting = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            if not is_admitted:
                waiting.cancel()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(1), pool.slot("C"):
            pass
        assert pool.is_empty

    run(use)


def test_a_slot_given_back_while_released_stays_given_back() -> None:
    queue = one_at_a_time()
    queue.add("A", None, "one")
    assert queue.next() == "one"
    slot = Slot(queue, "A", None, noop)
    with slot.released():
        slot.give_back()
        with slot.released():
            queue.add("A", None, "two")
            queue.add("A", None, "three")
            assert queue.next() == "two"
            assert queue.next() is None
    assert queue.next() is None
    Slot(queue, "A", None, noop).give_back()
    assert queue.next() == "three"


def test_background_work_releases_the_outer_slot_that_is_still_held() -> None:
    outer_queue, inner_queue = one_at_a_time(), one_at_a_time()
    for queue in (outer_queue, inner_queue):
        queue.add("A", None, "one")
        assert queue.next() == "one"
        queue.add("A", None, "two")
    outer = Slot(outer_queue, "A", None, noop)
    inner = Slot(inner_queue, "A", None, noop, outer)
    inner.give_back()
    assert inner_queue.next() == "two"
    with inner.released():
        assert outer_queue.next() == "two"
        inner_queue.add("A", None, "three")
        assert inner_queue.next() is None, "an inner slot that was given back is not released again"


class AnyOrder(RuleBasedStateMachine):
    """Slots are held, released and given back in any order; at the end the queue is empty."""

    @initialize(max_running=st.integers(1, 3), max_per_workspace=st.integers(1, 2))
    def make(self, max_running: int, max_per_workspace: int) -> None:
        self.max_running, self.max_per_workspace = max_running, max_per_workspace
        self.queue: FairQueue[str] = FairQueue(
            max_running=max_running, max_per_workspace=max_per_workspace, ordered=False
        )
        self.held: list[Slot] = []
        self.released: list[Any] = []

    def take(self) -> None:
        while (workspace := self.queue.next()) is not None:
            self.held.append(Slot(self.queue, workspace, None, noop))

    @rule(workspace=st.sampled_from("AB"))
    def add(self, workspace: str) -> None:
        self.queue.add(workspace, None, workspace)
        self.take()

    @rule(which=st.integers(0, 9))
    def release(self, which: int) -> None:
        if self.held:
            released = self.held[which % len(self.held)].released()
            released.__enter__()
            self.released.append(released)
            self.take()

    @rule(which=st.integers(0, 9))
    def take_back(self, which: int) -> None:
        if self.released:
            self.released.pop(which % len(self.released)).__exit__(None, None, None)

    @rule(which=st.integers(0, 9))
    def give_back(self, which: int) -> None:
        if self.held:
            self.held.pop(which % len(self.held)).give_back()
            self.take()

    def teardown(self) -> None:
        while self.held:
            self.give_back(0)
        while self.released:
            self.take_back(0)
        self.take()
        assert not self.held, "an item was left waiting although all slots were free"
        assert self.queue.is_empty
        for number in range(self.max_running):
            self.queue.add(f"workspace-{number}", None, f"workspace-{number}")
        self.take()
        assert len(self.held) == self.max_running, "a slot was lost"


TestAnyOrder = AnyOrder.TestCase


def test_event_listeners_that_wait_for_slack_do_not_delay_their_workspace(bench: Bench) -> None:
    released, handled = asyncio.Event(), []

    @bench.app.event("app_mention")
    async def listener(event: dict[str, Any], client: Any) -> None:
        if event["text"] == "limited":
            await client.wait_for_slack(released)
        handled.append(event["text"])

    async def use(interactions: Any, events: Any) -> None:
        await send(events, *(event(text="limited") for _ in range(150)), event(text="other"))
        await until(lambda: handled)
        assert handled == ["other"]
        released.set()

    bench.run(use)
    assert len(handled) == 151


@pytest.mark.parametrize("count", [20, 150])
def test_sync_listeners_that_wait_for_slack_release_their_thread_and_their_worker(bench: Bench, count: int) -> None:
    released, handled = asyncio.Event(), []

    @bench.app.event("app_mention")
    def listener(event: dict[str, Any], client: Any) -> None:
        if event["text"] == "limited":
            client.api_call("wait", json={"released": released})
        handled.append(event["text"])

    async def use(interactions: Any, events: Any) -> None:
        await send(events, *(event(text="limited") for _ in range(count)), event(text="other"))
        await until(lambda: handled == ["other"])
        released.set()

    bench.run(use)
    assert len(handled) == count + 1


def test_sync_error_handlers_that_wait_for_slack_release_their_thread(bench: Bench) -> None:
    released, handled = asyncio.Event(), []

    @bench.app.event("app_mention")
    def listener(event: dict[str, Any]) -> None:
        raise ValueError(event["text"])

    @bench.app.error
    def handler(error: Exception, client: Any) -> None:
        if str(error) == "limited":
            client.api_call("wait", json={"released": released})
        handled.append(str(error))

    async def use(interactions: Any, events: Any) -> None:
        await send(events, *(event(text="limited") for _ in range(20)), event(text="other"))
        await until(lambda: handled == ["other"])
        released.set()

    bench.run(use)
    assert handled.count("limited") == 20
