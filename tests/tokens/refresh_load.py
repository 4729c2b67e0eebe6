"""Refreshes everything that is due in a process of its own, which a test kills."""

import asyncio
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

from latchkey.metrics import Metrics
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, TokenId, open_store
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


def use_all(store: Path, keyring: Path, api_url: str, token_ids: list[TokenId], ready: Event, begin: Event) -> None:
    """Set `ready`, wait for `begin`, and then get all these tokens at once, as a script does."""
    with closing(open_store(store, keyring)) as opened:
        asyncio.run(_use(opened, api_url, token_ids, ready, begin))


async def _use(store: Store, api_url: str, token_ids: list[TokenId], ready: Event, begin: Event) -> None:
    async with WebClients(api_url=api_url) as web:
        calls = TokenCalls(web, client_id="1.2", client_secret=lambda: "sentinel-secret")
        refresher = Refresher(store.tokens, calls)
        await web.load()
        ready.set()
        begin.wait()
        await asyncio.gather(*(refresher.fresh(token_id) for token_id in token_ids))
