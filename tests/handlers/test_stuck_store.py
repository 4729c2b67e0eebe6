"""A store connection that hangs, as with a broken disk: errors arrive in time, and other requests are not delayed."""

import asyncio
import time

import pytest

from latchkey.simulator import Browser
from latchkey.storage import Store


@pytest.mark.gen_test(timeout=20)
async def test_stuck_connection_is_503_in_time_and_healthz_still_responds(
    store: Store, browser: Browser, base_url: str
) -> None:
    watcher = Browser()
    writer = store._engine._writer
    assert writer._lock.acquire(timeout=1)
    try:
        begun = time.monotonic()
        waiting = asyncio.gather(
            *(browser.get(f"{base_url}/slack/install") for _ in range(8)), browser.get(f"{base_url}/readyz")
        )
        while not waiting.done():
            asked = time.monotonic()
            assert (await watcher.get(f"{base_url}/healthz")).code == 200
            assert time.monotonic() - asked < 0.5
            await asyncio.sleep(0.02)
        assert {response.code for response in await waiting} == {503}
        assert time.monotonic() - begun < 2.9
    finally:
        writer._lock.release()
        watcher.close()
    assert (await browser.get(f"{base_url}/readyz")).code == 200
    assert (await browser.get(f"{base_url}/slack/install")).code == 200
