"""What the server does beside requests: refresh tokens, undo refused installations, and measure the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from latchkey.config import Settings
from latchkey.metrics import Metrics, StoreGauges
from latchkey.storage import Store, list_backups
from latchkey.tokens import Pace, Refresher, Sweep, Undoer


@contextlib.asynccontextmanager
async def background_work(
    settings: Settings,
    store: Store,
    refresher: Refresher,
    undoer: Undoer,
    metrics: Metrics,
    clock: Callable[[], float],
) -> AsyncIterator[None]:
    """Do all of it until the block ends; `clock` returns Unix seconds."""
    gauges = StoreGauges(store.keys, lambda: _newest_backup(settings), metrics)
    measuring = asyncio.get_running_loop().create_task(gauges.run())
    undoer.start()
    sweep = Sweep(store.tokens, refresher, Pace(settings.slack.refreshes_per_second), metrics, clock=clock)
    try:
        async with sweep.running():
            yield
    finally:
        measuring.cancel()
        await undoer.close()


def _newest_backup(settings: Settings) -> float | None:
    backups = list_backups(settings.backup_path)
    return backups[0].made_at if backups else None
