"""Blocking calls off the loop: a deadline for each, and nobody who has been told to stop goes on."""

import asyncio
import time

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.executor import Offload


def test_a_call_that_is_cancelled_as_it_ends_is_cancelled() -> None:
    """Else a loop of such calls goes on when the server stops, and the server never ends."""

    async def use() -> None:
        offload = Offload("test", threads=1)
        for turns in range(4):
            task = asyncio.ensure_future(offload.run(lambda: "done"))
            await asyncio.sleep(0)
            time.sleep(0.02)  # the thread is done, and the loop has not heard of it
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            pytest.fail("the call has never ended by itself")
        offload.close()

    asyncio.run(use())


def test_a_call_that_takes_too_long_is_an_error_in_time_and_one_behind_it_never_runs() -> None:
    ran: list[str] = []

    async def use() -> None:
        offload = Offload("test", threads=1, deadline=0.1)
        slow = asyncio.ensure_future(offload.run(time.sleep, 0.4))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="in time"):
            await offload.run(ran.append, "too late")
        with pytest.raises(StoreUnavailable):
            await slow
        await asyncio.sleep(0.5)
        offload.close()

    asyncio.run(use())
    assert ran == []


def test_a_closed_one_takes_no_calls() -> None:
    async def use() -> None:
        offload = Offload("test", threads=1)
        offload.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await offload.run(lambda: None)

    asyncio.run(use())
