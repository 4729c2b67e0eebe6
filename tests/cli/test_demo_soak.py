"""A demo that is used for long: neither the simulator nor the server keeps growing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from latchkey.simulator import Browser
from tests.cli.test_demo import Demo
from tests.support.counts import resident_megabytes
from tests.support.running import install_by_page, write_on_page
from tests.support.waiting import until

MAX_GROWTH = 30.0
"""Megabytes, of each process."""
WARM_UP_EVENTS = 20


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    started = Demo(tmp_path)
    yield started
    started.process.terminate()
    started.process.communicate()


class OpenPage:
    """Reads the changes as an open page does, and counts the app's replies."""

    def __init__(self, slack: str) -> None:
        self.replies = 0
        self._unfinished = b""
        self._client = AsyncHTTPClient(force_instance=True)
        self._reading = asyncio.ensure_future(
            self._client.fetch(f"{slack}/page/changes", streaming_callback=self._read, request_timeout=0)
        )

    def _read(self, data: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        self.replies += sum(line.startswith(b"data: ") and b'"Hello <@U0ALICE>!' in line for line in lines)

    def close(self) -> None:
        self._reading.cancel()
        self._client.close()


async def growth(demo: Demo, events: int, per_second: float) -> tuple[float, float]:
    """Write this many mentions on the page, and return by how many MiB the simulator and the server have grown."""
    printed = await asyncio.to_thread(demo.wait_until_it_runs)
    assert demo.process.stdout is not None
    log = asyncio.ensure_future(asyncio.to_thread(demo.process.stdout.read))  # so that the pipe is never full
    server, slack = (printed.partition(f"{before} at ")[2].split()[0] for before in ("running", "simulated Slack is"))
    browser, page = Browser(), OpenPage(slack)
    assert await install_by_page(browser, server.removesuffix("/slack/install")) == 200
    processes = demo.process.pid, demo.server()
    before: list[float] = []
    begun = time.monotonic()
    for number in range(WARM_UP_EVENTS + events):
        if number == WARM_UP_EVENTS:
            await until(lambda: page.replies == WARM_UP_EVENTS)
            before = [resident_megabytes(pid or 0) for pid in processes]
        await asyncio.sleep(begun + number / per_second - time.monotonic())
        await write_on_page(browser, slack, f"@latchkey this is message {number} of a day with many messages")
        if number % int(600 * per_second) == 0:
            print(f"{number} events: {[round(resident_megabytes(pid or 0), 1) for pid in processes]} MiB", flush=True)
    await until(lambda: page.replies == WARM_UP_EVENTS + events)
    page.close()
    browser.close()
    assert not log.done(), "the demo is still running"
    simulator, of_server = (resident_megabytes(pid or 0) - was for pid, was in zip(processes, before, strict=True))
    print(f"{events} events in {time.monotonic() - begun:.0f} s: {simulator:+.1f} and {of_server:+.1f} MiB")
    return simulator, of_server


@pytest.mark.gen_test(timeout=60)
async def test_simulator_and_server_hardly_grow_in_100_events(demo: Demo) -> None:
    assert max(await growth(demo, 100, 100)) < MAX_GROWTH / 3


@pytest.mark.long
@pytest.mark.gen_test(timeout=4000)
async def test_simulator_and_server_grow_by_less_than_30_mb_in_an_hour(demo: Demo) -> None:
    assert max(await growth(demo, 36_000, 10)) < MAX_GROWTH
