"""The store fails under a running server: errors arrive in time, `/healthz` responds, `/readyz` reports the fault."""

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
"""Seconds within which every response must arrive: Slack waits for 3."""


@asynccontextmanager
async def healthy_throughout(it: Running) -> AsyncIterator[None]:
    """Request `/healthz` continuously; it must respond 200 each time, in less than a second."""
    longest, requests = 0.0, 0

    async def request() -> None:
        nonlocal longest, requests
        while True:
            begun = time.monotonic()
            assert await it.status("/healthz") == 200
            longest, requests = max(longest, time.monotonic() - begun), requests + 1
            await asyncio.sleep(0.01)

    requesting = asyncio.ensure_future(request())
    try:
        yield
        while requests < 5 and not requesting.done():
            await asyncio.sleep(0.01)
        assert not requesting.done()
        assert longest < 1
    finally:
        requesting.cancel()


async def in_time(it: Running, path: str) -> int:
    begun = time.monotonic()
    status = await it.status(path)
    assert time.monotonic() - begun < DEADLINE
    return status


async def refuses(it: Running) -> None:
    """Check that requests that need the store, and `/readyz`, get a 503 in time."""
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
    """Limit the size of every file of the server to that of the -wal; the log is smaller."""
    wal = it.store.with_name(it.store.name + "-wal")
    before = resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, before[1]))
    yield
    resource.prlimit(it.server.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.gen_test(timeout=30)
async def test_store_locked_by_another_process(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        with locked(it.store):
            await refuses(it)
            response = await it.slack.people.command(it.slack.workspace(), "/open-modal")
            assert response.status == 200, "a locked store can be read"
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_full_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
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
        it.store.chmod(0o444)
        await refuses(it)
        it.store.chmod(0o600)
        await is_well(it)


@pytest.mark.gen_test(timeout=30)
async def test_replaced_file(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
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
    # More records than SQLite's page cache holds after all of them were read.
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
            response = await it.slack.people.command(it.slack.workspace(), "/open-modal")
            assert response.status == 503
            assert response.milliseconds < DEADLINE * 1000
            assert await in_time(it, "/readyz") == 503
        assert await in_time(it, "/readyz") == 503, "damage is reported permanently"


@pytest.mark.gen_test(timeout=30)
async def test_a_row_that_would_end_sqlitedicts_thread_does_no_harm(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.install()
        with closing(sqlite3.connect(it.store)) as other:
            for table in ("installations", "bots", "workspaces", "states", "meta"):
                other.execute(f"INSERT INTO {table} (key, value) VALUES (CAST(x'ff00fe' AS TEXT), x'00')")
            other.commit()
        async with healthy_throughout(it):
            await is_well(it)
