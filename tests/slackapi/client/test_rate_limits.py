"""Slack's limits: who waits for what, how long, and that nothing is left of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from latchkey.slackapi.client.rate_limits import RateLimits

POST, OTHER = ("chat.postMessage", "T1"), ("chat.postMessage", "T2")


class Time:
    """A clock that jumps to where a sleeper wants it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


def limits(time: Time, longest_wait: float = 120) -> RateLimits:
    return RateLimits(longest_wait=longest_wait, clock=time.clock, sleep=time.sleep)


def test_calls_of_a_limited_method_wait_and_then_go_one_by_one() -> None:
    time, sent = Time(), []

    async def call(limits: RateLimits, name: str) -> None:
        async with limits.turn(POST) as turn:
            if name == "first":
                await turn.wait(30)
            sent.append((name, time.now, "begun"))
            await asyncio.sleep(0.001)
            sent.append((name, time.now, "ended"))

    async def run() -> None:
        it = limits(time)
        first = asyncio.ensure_future(call(it, "first"))
        await asyncio.sleep(0)
        await asyncio.gather(first, call(it, "second"), call(it, "third"))
        assert not it._limits

    asyncio.run(run())
    assert [(name, what) for name, _, what in sent] == [
        (name, what) for name in ("first", "second", "third") for what in ("begun", "ended")
    ]
    assert all(when == 1030 for _, when, _ in sent)


def test_other_workspaces_and_methods_do_not_wait() -> None:
    time = Time()

    async def run() -> None:
        it = limits(time)
        async with it.turn(POST) as turn:
            waiting = asyncio.ensure_future(turn.wait(30))
            async with it.turn(OTHER):
                assert time.now == 1000
            await waiting
        assert time.now == 1030

    asyncio.run(run())


def test_who_waits_is_idle_and_who_calls_is_not() -> None:
    time, idling = Time(), []

    @contextmanager
    def idle() -> Iterator[None]:
        idling.append("in")
        yield
        idling.append("out")

    async def run() -> None:
        async with limits(time).turn(POST, idle) as turn:
            assert idling == []
            await turn.wait(1)
            assert idling == ["in", "out"]
            await turn.pause(1)
            assert idling == ["in", "out"] * 2

    asyncio.run(run())


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    time = Time()

    async def run() -> None:
        it = limits(time)
        async with it.turn(POST) as turn:
            assert turn.may_wait(120)
            assert not turn.may_wait(121)
            await turn.wait(100)
            assert not turn.may_wait(30), "what it has waited counts"

    asyncio.run(run())


def test_a_turn_that_does_not_come_in_time_is_an_error_and_lets_the_others_go() -> None:
    async def run() -> None:
        it = RateLimits(longest_wait=0.05)
        release = asyncio.Event()

        async def hold() -> None:
            async with it.turn(POST) as turn:
                await turn.wait(0)
                await release.wait()

        holding = asyncio.ensure_future(hold())
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with it.turn(POST):
                pass
        release.set()
        await holding
        assert not it._limits

    asyncio.run(run())


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_a_cancelled_call_holds_up_nobody(waiting: int) -> None:
    time = Time()

    async def run() -> None:
        it = limits(time)
        done: list[int] = []

        async def call(number: int) -> None:
            async with it.turn(POST) as turn:
                if not number:
                    await turn.wait(5)
                done.append(number)
                await asyncio.sleep(0)

        calls: list[asyncio.Task[Any]] = [asyncio.ensure_future(call(number)) for number in range(3)]
        await asyncio.sleep(0)
        calls[waiting].cancel()
        await asyncio.wait(calls)
        assert done == [number for number in range(3) if number != waiting]
        assert not it._limits

    asyncio.run(run())
