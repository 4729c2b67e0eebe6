"""The store's file is taken away beneath a live server: errors in time, `/healthz` throughout, `/readyz` says it."""

import asyncio
import resource
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import open_store
from tests.support.running import Running, running

DEADLINE = 2.9
"""Seconds within which every answer comes: Slack waits for 3."""


@asynccontextmanager
async def healthy_throughout(it: Running) -> AsyncIterator[None]:
    """`/healthz` is asked all the while, answers 200 each time, and never takes as long as a second."""
    longest, asked = 0.0, 0

    async def ask() -> None:
        nonlocal longest, asked
        while True:
            begun = time.monotonic()
            assert await it.status("/healthz") == 200
            longest, asked = max(longest, time.monotonic() - begun), asked + 1
            await asyncio.sleep(0.01)

    asking = asyncio.ensure_future(ask())
    try:
        yield
        while asked < 5 and not asking.done():
            await asyncio.sleep(0.01)
        assert not asking.done()
        assert longest < 1
    finally:
        asking.cancel()


async def in_time(it: Running, path: str) -> int:
    begun = time.monotonic()
    status = await it.status(path)
    assert time.monotonic() - begun < DEADLINE
    return status


async def refuses(it: Running) -> None:
    """What needs the store gets an error in time, and so does who asks whether the server is ready."""
    async with healthy_throughout(it):
        install, ready = await asyncio.gather(in_time(it, "/slack/install"), in_time(it, "/readyz"))
        assert (install, ready) == (503, 503)


async def is_well(it: Running) -> None:
    assert await in_time(it, "/readyz") == 200
    assert await it.install() == 200


@contextmanager
def locked(store: Path) -> Iterator[None]:
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full_disk(it: Running) -> Iterator[None]:
    """No file of the server may grow beyond its -wal; its log is shorter than that."""
    wal = it.store.with_name(it.store.name + "-wal")
    before = resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, before[1]))
    yield
    resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.gen_test(timeout=30)
async def test_locked_by_another_process(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        await asyncio.sleep(1.1)
        with locked(it.store):
            await refuses(it)
            answer = await it.slack.people.command(it.slack.workspace(), "/open-modal")
            assert answer.status == 200, "reads go on beside a locked store"
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_full_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        await asyncio.sleep(1.1)
        with full_disk(it):
            await refuses(it)
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_a_log_on_the_full_disk_does_not_stop_the_server(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        before = resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, (it.server.log.stat().st_size, before[1]))
        for _ in range(20):
            assert await it.status("/healthz") == 200
        resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, before)
        await is_well(it)
        assert await it.server.stop() == 0


@pytest.mark.gen_test(timeout=30)
async def test_read_only_file(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        await asyncio.sleep(1.1)
        it.store.chmod(0o444)
        await refuses(it)
        it.store.chmod(0o600)
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_replaced_file(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        await asyncio.sleep(1.1)
        kept = it.store.with_name("kept.sqlite")
        it.store.rename(kept)
        shutil.copy(kept, it.store)
        await refuses(it)
        assert "replaced" in (await it.browser.get(it.server.url + "/readyz")).body.decode()
        kept.rename(it.store)
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_corrupt_pages(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")
    # The first of a table so large that SQLite's memory does not hold it after a look at the whole.
    for team_id in ("T0ACME", *(f"T1{number:03d}" for number in range(100))):
        store.installations.save(
            Installation(
                team_id=team_id, user_id="U1", bot_token="xoxb-1", bot_id="B1", bot_user_id="UB1",
                custom_values={"large": "x" * 50_000},
            )
        )  # fmt: skip
    store.close()
    async with running(tmp_path) as it:
        with open(it.store, "r+b") as file:
            file.seek(8192)
            file.write(b"\xa5" * (it.store.stat().st_size - 8192))
        async with healthy_throughout(it):
            answer = await it.slack.people.command(it.slack.workspace(), "/open-modal")
            assert answer.status == 503
            assert answer.milliseconds < DEADLINE * 1000
            assert await in_time(it, "/readyz") == 503
        assert await in_time(it, "/readyz") == 503, "damage is not forgotten"


@pytest.mark.gen_test(timeout=30)
async def test_a_row_that_ends_sqlitedicts_thread_ends_nothing_here(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        with closing(sqlite3.connect(it.store)) as other:
            for table in ("installations", "bots", "workspaces", "states", "meta"):
                other.execute(f"INSERT INTO {table} (key, value) VALUES (CAST(x'ff00fe' AS TEXT), x'00')")
            other.commit()
        async with healthy_throughout(it):
            await is_well(it)
