"""Whose turn it is: no workspace waits for another, no channel's events pass each other."""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from latchkey.dispatch.fair_queue import Lanes


class Item(NamedTuple):
    workspace: str
    channel: str | None
    number: int


def taken(lanes: Lanes[str], most: int = 100) -> list[str]:
    found: list[str] = []
    while len(found) < most and (item := lanes.next()) is not None:
        found.append(item)
    return found


def test_workspaces_take_turns() -> None:
    lanes: Lanes[str] = Lanes(most=100, most_each=100, ordered=False)
    for number in range(3):
        lanes.add("busy", None, f"busy-{number}")
    lanes.add("quiet", None, "quiet-0")
    assert taken(lanes) == ["busy-0", "quiet-0", "busy-1", "busy-2"]


def test_a_workspace_has_no_more_than_its_places_and_leaves_the_others_theirs() -> None:
    lanes: Lanes[str] = Lanes(most=3, most_each=2, ordered=False)
    for number in range(5):
        lanes.add("busy", None, f"busy-{number}")
    assert taken(lanes) == ["busy-0", "busy-1"]
    lanes.add("quiet", None, "quiet-0")
    lanes.add("quiet", None, "quiet-1")
    assert taken(lanes) == ["quiet-0"]
    lanes.leave("busy", None)
    assert taken(lanes) == ["quiet-1"]


def test_with_order_a_channel_waits_for_its_first_and_the_others_go_on() -> None:
    lanes: Lanes[str] = Lanes(most=100, most_each=100, ordered=True)
    for item in ("one", "two"):
        lanes.add("T1", "C1", item)
    lanes.add("T1", "C2", "other")
    lanes.add("T1", None, "of no channel")
    assert taken(lanes) == ["one", "other", "of no channel"]
    lanes.leave("T1", "C1")
    assert taken(lanes) == ["two"]


def test_with_order_one_that_is_to_be_tried_again_keeps_its_channel() -> None:
    lanes: Lanes[str] = Lanes(most=100, most_each=100, ordered=True)
    for item in ("failing", "next"):
        lanes.add("T1", "C1", item)
    assert taken(lanes) == ["failing"]
    lanes.leave("T1", "C1", keep=True)
    assert taken(lanes) == []
    lanes.back("T1", "failing")
    assert taken(lanes) == ["failing"]
    lanes.leave("T1", "C1")
    assert taken(lanes) == ["next"]


def test_one_that_only_waits_lends_its_place() -> None:
    lanes: Lanes[str] = Lanes(most=1, most_each=1, ordered=False)
    lanes.add("T1", None, "waits")
    lanes.add("T2", None, "other")
    assert taken(lanes) == ["waits"]
    lanes.park("T1")
    assert taken(lanes) == ["other"]
    lanes.unpark("T1")
    lanes.add("T2", None, "third")
    lanes.leave("T2", None)
    assert taken(lanes) == []
    lanes.leave("T1", None)
    assert taken(lanes) == ["third"]


class Machine(RuleBasedStateMachine):
    """Any order of calls: nothing is lost, handed out twice, over its limit, or out of order."""

    @initialize(most=st.integers(1, 4), most_each=st.integers(1, 3), ordered=st.booleans())
    def make(self, most: int, most_each: int, ordered: bool) -> None:
        self.most, self.most_each, self.ordered = most, most_each, ordered
        self.lanes: Lanes[Item] = Lanes(most=most, most_each=most_each, ordered=ordered)
        self.added = 0
        self.running: list[Item] = []
        self.done: list[Item] = []

    @rule(workspace=st.sampled_from("AB"), channel=st.sampled_from(["x", "y", None]))
    def add(self, workspace: str, channel: str | None) -> None:
        self.lanes.add(workspace, channel, Item(workspace, channel, self.added))
        self.added += 1

    @rule()
    def take(self) -> None:
        item = self.lanes.next()
        if item is not None:
            assert item not in self.running
            self.running.append(item)

    @rule(which=st.integers(0, 9), again=st.booleans())
    def leave(self, which: int, again: bool) -> None:
        if self.running:
            item = self.running.pop(which % len(self.running))
            self.lanes.leave(item.workspace, item.channel, keep=again)
            if again:
                self.lanes.back(item.workspace, item)
            else:
                self.done.append(item)

    @rule(which=st.integers(0, 9))
    def wait(self, which: int) -> None:
        if self.running:
            workspace = self.running[which % len(self.running)].workspace
            self.lanes.park(workspace)
            self.lanes.unpark(workspace)

    @invariant()
    def nobody_has_more_than_his_places(self) -> None:
        assert len(self.running) <= self.most
        assert all(count <= self.most_each for count in Counter(item.workspace for item in self.running).values())
        if self.ordered:
            lanes = Counter(item[:2] for item in self.running if item.channel is not None)
            assert all(count == 1 for count in lanes.values())

    def teardown(self) -> None:
        self.take()
        while self.running:
            self.leave(0, again=False)
            self.take()
        assert sorted(item.number for item in self.done) == list(range(self.added))
        if self.ordered:
            for lane in {item[:2] for item in self.done if item.channel is not None}:
                numbers = [item.number for item in self.done if item[:2] == lane]
                assert numbers == sorted(numbers)
        assert not self.lanes._workspaces, "a workspace without events leaves nothing behind"


TestAnyOrderOfCalls = Machine.TestCase


@pytest.mark.parametrize("ordered", [True, False])
def test_forgotten_workspaces_take_no_memory(ordered: bool) -> None:
    lanes: Lanes[int] = Lanes(most=10, most_each=10, ordered=ordered)
    for number in range(1000):
        lanes.add(number, "C1", number)
        assert lanes.next() == number
        lanes.leave(number, "C1")
    assert not lanes._workspaces
    assert not lanes._turns
