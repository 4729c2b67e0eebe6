"""The fair queue: no workspace waits for another, and no channel's events pass each other."""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from latchkey.dispatch.fair_queue import FairQueue


class Item(NamedTuple):
    workspace: str
    channel: str | None
    number: int


def make_queue(max_running: int = 100, max_per_workspace: int = 100, *, ordered: bool = False) -> FairQueue[str]:
    return FairQueue(max_running=max_running, max_per_workspace=max_per_workspace, ordered=ordered)


def taken(queue: FairQueue[str]) -> list[str]:
    found: list[str] = []
    while (item := queue.next()) is not None:
        found.append(item)
    return found


def test_serves_workspaces_in_rotation() -> None:
    queue = make_queue()
    for number in range(3):
        queue.add("busy", None, f"busy-{number}")
    queue.add("quiet", None, "quiet-0")
    assert taken(queue) == ["busy-0", "quiet-0", "busy-1", "busy-2"]


def test_limits_a_workspace_and_leaves_the_rest_to_others() -> None:
    queue = make_queue(3, 2)
    for number in range(5):
        queue.add("busy", None, f"busy-{number}")
    assert taken(queue) == ["busy-0", "busy-1"]
    queue.add("quiet", None, "quiet-0")
    queue.add("quiet", None, "quiet-1")
    assert taken(queue) == ["quiet-0"]
    queue.release("busy", None)
    assert taken(queue) == ["quiet-1"]


def test_an_ordered_channel_waits_for_its_first_item_and_others_go_on() -> None:
    queue = make_queue(ordered=True)
    for item in ("one", "two"):
        queue.add("T1", "C1", item)
    queue.add("T1", "C2", "other channel")
    queue.add("T1", None, "no channel")
    assert taken(queue) == ["one", "other channel", "no channel"]
    queue.release("T1", "C1")
    assert taken(queue) == ["two"]


def test_an_ordered_item_that_is_retried_keeps_its_channel() -> None:
    queue = make_queue(ordered=True)
    for item in ("failing", "next"):
        queue.add("T1", "C1", item)
    assert taken(queue) == ["failing"]
    queue.release("T1", "C1", keep_channel=True)
    assert taken(queue) == []
    queue.requeue("T1", "failing")
    assert taken(queue) == ["failing"]
    queue.release("T1", "C1")
    assert taken(queue) == ["next"]


def test_a_suspended_item_leaves_its_slot_to_others() -> None:
    queue = make_queue(1, 1)
    queue.add("T1", None, "waits")
    queue.add("T2", None, "other")
    assert taken(queue) == ["waits"]
    queue.suspend("T1")
    assert taken(queue) == ["other"]
    queue.resume("T1")
    queue.add("T2", None, "third")
    queue.release("T2", None)
    assert taken(queue) == []
    queue.release("T1", None)
    assert taken(queue) == ["third"]


class AnyOrder(RuleBasedStateMachine):
    """In any order of calls, no item is lost, handed out twice, over a limit, or out of order."""

    @initialize(max_running=st.integers(1, 4), max_per_workspace=st.integers(1, 3), ordered=st.booleans())
    def make(self, max_running: int, max_per_workspace: int, ordered: bool) -> None:
        self.max_running, self.max_per_workspace, self.ordered = max_running, max_per_workspace, ordered
        self.queue: FairQueue[Item] = FairQueue(
            max_running=max_running, max_per_workspace=max_per_workspace, ordered=ordered
        )
        self.added = 0
        self.running: list[Item] = []
        self.done: list[Item] = []

    @rule(workspace=st.sampled_from("AB"), channel=st.sampled_from(["x", "y", None]))
    def add(self, workspace: str, channel: str | None) -> None:
        self.queue.add(workspace, channel, Item(workspace, channel, self.added))
        self.added += 1

    @rule()
    def take(self) -> None:
        item = self.queue.next()
        if item is not None:
            assert item not in self.running
            self.running.append(item)

    @rule(which=st.integers(0, 9), is_retried=st.booleans())
    def release(self, which: int, is_retried: bool) -> None:
        if self.running:
            item = self.running.pop(which % len(self.running))
            self.queue.release(item.workspace, item.channel, keep_channel=is_retried)
            if is_retried:
                self.queue.requeue(item.workspace, item)
            else:
                self.done.append(item)

    @rule(which=st.integers(0, 9))
    def wait(self, which: int) -> None:
        if self.running:
            workspace = self.running[which % len(self.running)].workspace
            self.queue.suspend(workspace)
            self.queue.resume(workspace)

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.running) <= self.max_running
        by_workspace = Counter(item.workspace for item in self.running)
        assert all(count <= self.max_per_workspace for count in by_workspace.values())
        if self.ordered:
            by_channel = Counter(item[:2] for item in self.running if item.channel is not None)
            assert all(count == 1 for count in by_channel.values())

    def teardown(self) -> None:
        self.take()
        while self.running:
            self.release(0, is_retried=False)
            self.take()
        assert sorted(item.number for item in self.done) == list(range(self.added))
        if self.ordered:
            for channel in {item[:2] for item in self.done if item.channel is not None}:
                numbers = [item.number for item in self.done if item[:2] == channel]
                assert numbers == sorted(numbers)
        assert self.queue.is_empty


TestAnyOrder = AnyOrder.TestCase


@pytest.mark.parametrize("ordered", [True, False])
def test_keeps_nothing_about_workspaces_without_items(ordered: bool) -> None:
    queue = make_queue(10, 10, ordered=ordered)
    for number in range(1000):
        queue.add(number, "C1", str(number))
        assert queue.next() == str(number)
        queue.release(number, "C1")
    assert queue.is_empty
