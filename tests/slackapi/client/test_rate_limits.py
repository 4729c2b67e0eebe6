"""Rate limits: which call waits for which limit, for how long, and that nothing is kept afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from latchkey.slackapi.client.rate_limits import RateLimits

POST, OTHER = ("chat.postMessage", "T1"), ("chat.postMessage", "T2")


class Time:
    """A clock that jumps to the end of each sleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


class FakeSlot:
    """A slot that records when it is released and taken back."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @contextmanager
    def released(self) -> Iterator[None]:
        self.log.append("released")
        yield
        self.log.append("taken back")


def make_limits(time: Time) -> RateLimits:
    return RateLimits(clock=time.clock, sleep=time.sleep)


def test_calls_of_a_limited_method_wait_and_then_go_one_by_one() -> None:
    time, sent = Time(), []

    async def call(limits: RateLimits, name: str) -> None:
        async with limits.waiter(POST) as waiter:
            if name == "first":
                await waiter.report_limit(30)
            sent.append((name, time.now, "started"))
            await asyncio.sleep(0.001)
            sent.append((name, time.now, "ended"))

    async def run() -> None:
        limits = make_limits(time)
        first = asyncio.ensure_future(call(limits, "first"))
        await asyncio.sleep(0)
        await asyncio.gather(first, call(limits, "second"), call(limits, "third"))
        assert limits.is_empty

    asyncio.run(run())
    assert [(name, what) for name, _, what in sent] == [
        (name, what) for name in ("first", "second", "third") for what in ("started", "ended")
    ]
    assert all(when == 1030 for _, when, _ in sent)


def test_other_workspaces_and_methods_do_not_wait() -> None:
    time = Time()

    async def run() -> None:
        limits = make_limits(time)
        async with limits.waiter(POST) as waiter:
            waiting = asyncio.ensure_future(waiter.report_limit(30))
            async with limits.waiter(OTHER):
                assert time.now == 1000
            await waiting
        assert time.now == 1030

    asyncio.run(run())


def test_the_slot_is_released_only_while_the_call_waits() -> None:
    time, slot, queued = Time(), FakeSlot(), FakeSlot()

    async def run() -> None:
        limits = make_limits(time)
        async with limits.waiter(POST, slot) as waiter:
            assert slot.log == []
            await waiter.report_limit(1)
            assert slot.log == ["released", "taken back"]
            await waiter.pause(1)
            assert slot.log == ["released", "taken back"] * 2
            task = asyncio.ensure_future(queued_call(limits))
            await asyncio.sleep(0)
            assert queued.log == ["released"]
        await task
        assert queued.log == ["released", "taken back"]

    async def queued_call(limits: RateLimits) -> None:
        async with limits.waiter(POST, queued):
            pass

    asyncio.run(run())


def test_a_call_waits_at_most_120_seconds_in_all() -> None:
    time = Time()

    async def run() -> None:
        async with make_limits(time).waiter(POST) as waiter:
            assert waiter.may_wait(120)
            assert not waiter.may_wait(121)
            await waiter.report_limit(100)
            assert not waiter.may_wait(30)

    asyncio.run(run())


def test_a_call_that_waits_too_long_fails_and_does_not_block_the_others() -> None:
    async def run() -> None:
        limits = RateLimits(max_wait=0.05)
        release = asyncio.Event()

        async def hold() -> None:
            async with limits.waiter(POST) as waiter:
                await waiter.report_limit(0)
                await release.wait()

        holding = asyncio.ensure_future(hold())
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with limits.waiter(POST):
                pass
        release.set()
        await holding
        assert limits.is_empty

    asyncio.run(run())


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_a_cancelled_call_does_not_block_the_others(cancelled: int) -> None:
    time = Time()

    async def run() -> None:
        limits = make_limits(time)
        done: list[int] = []

        async def call(number: int) -> None:
            async with limits.waiter(POST) as waiter:
                if not number:
                    await waiter.report_limit(5)
                done.append(number)
                await asyncio.sleep(0)

        calls: list[asyncio.Task[Any]] = [asyncio.ensure_future(call(number)) for number in range(3)]
        await asyncio.sleep(0)
        calls[cancelled].cancel()
        await asyncio.wait(calls)
        assert done == [number for number in range(3) if number != cancelled]
        assert limits.is_empty

    asyncio.run(run())
