"""Refreshes everything that is due in a process of its own, which a test kills."""

import asyncio
import time
from contextlib import closing
from pathlib import Path

from latchkey.metrics import Metrics
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, open_store
from latchkey.tokens import AHEAD_SECONDS, Pace, Refresher, Sweep

PER_SECOND = 2000


def sweep_all(store: Path, keyring: Path, api_url: str) -> None:
    """Repeat what a crash has cut off, and refresh until nothing is due."""
    with closing(open_store(store, keyring)) as opened:
        asyncio.run(_sweep(opened, api_url))


async def _sweep(store: Store, api_url: str) -> None:
    async with WebClients(api_url=api_url) as web:
        calls = TokenCalls(web, client_id="1.2", client_secret=lambda: "sentinel-secret")
        sweep = Sweep(store.tokens, Refresher(store.tokens, calls), Pace(PER_SECOND), Metrics())
        await sweep.follow_attempts()
        while store.tokens.due(time.time() + AHEAD_SECONDS):
            await sweep.make_pass()
