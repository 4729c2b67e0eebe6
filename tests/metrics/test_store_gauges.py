"""Metrics of keys and backups."""

import asyncio

from prometheus_client import generate_latest

from latchkey.metrics import Metrics
from latchkey.metrics.store_gauges import StoreGauges
from latchkey.storage import Store
from tests.support.clocks import Clock


def shown(metrics: Metrics) -> dict[str, float]:
    lines = generate_latest(metrics.registry).decode().splitlines()
    wanted = ("latchkey_key_", "latchkey_backup_")
    return {name: float(value) for line in lines if line.startswith(wanted) for name, value in [line.rsplit(" ", 1)]}


async def refresh(gauges: StoreGauges, metrics: Metrics) -> None:
    """Run until the first refresh has ended."""
    running = asyncio.ensure_future(gauges.run())
    async with asyncio.timeout(5):
        while not shown(metrics):
            await asyncio.sleep(0.01)
    running.cancel()


def test_exports_the_age_of_keys_and_of_the_newest_backup(store: Store) -> None:
    old = store.keys.entries()[0]
    new = store.keys.add()
    store.states.issue()
    assert old.made_at is not None
    clock = Clock(old.made_at + 1000)
    metrics = Metrics()
    gauges = StoreGauges(store.keys, lambda: clock.now - 50, metrics, clock=clock)
    assert shown(metrics) == {}, "no value is exported before the first refresh"
    asyncio.run(refresh(gauges, metrics))
    found = shown(metrics)
    assert found[f'latchkey_key_records{{key_id="{old.key_id}"}}'] == 1
    assert found[f'latchkey_key_records{{key_id="{new}"}}'] == 1
    assert found[f'latchkey_key_age_seconds{{key_id="{old.key_id}"}}'] == 1000
    assert found['latchkey_backup_age_seconds{backup="newest"}'] == 50


def test_exports_no_backup_age_without_a_backup(store: Store) -> None:
    metrics = Metrics()
    asyncio.run(refresh(StoreGauges(store.keys, lambda: None, metrics), metrics))
    assert not [name for name in shown(metrics) if name.startswith("latchkey_backup")]
