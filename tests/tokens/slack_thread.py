"""The simulated Slack on an event loop in a thread of its own, for tests of blocking code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from latchkey.simulator import Slack


@contextmanager
def slack_in_thread(*, client_id: str, client_secret: str, clock: Callable[[], float]) -> Iterator[Slack]:
    """Yield a Slack whose app has token rotation, and stop it afterwards."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> Slack:
        slack = Slack(
            client_id=client_id,
            client_secret=client_secret,
            signing_secret="sentinel-signing-secret",
            redirect_uris=[],
            events_url="",
            clock=clock,
            token_rotation=True,
        )
        slack.start()
        return slack

    slack = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield slack
    finally:
        asyncio.run_coroutine_threadsafe(slack.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
