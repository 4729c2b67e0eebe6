"""A server that was paused for longer than its lease stores nothing that is out of date."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from latchkey.errors import EXIT_FAILED
from tests.support.database.cluster import Cluster, cluster
from tests.support.database.postgresql import Postgresql

pytestmark = pytest.mark.programs("postgres")

TABLES = ("inbox", "retries", "replays", "aside", "remembered", "installations", "bots", "refreshes")
TAKEOVER_SECONDS = 40
"""A lease of 10 s, the 10 s for which the other server must have had its own, and some time for a busy machine."""


def content(it: Cluster) -> str:
    """Return a hash of all that servers store."""
    rows = " UNION ALL ".join(f"SELECT key, value FROM latchkey.{table}" for table in TABLES)
    return it.postgresql.sql(
        f"SELECT md5(string_agg(key || value, '' ORDER BY key, value)) FROM ({rows}) AS r", it.database
    )


def fenced(it: Cluster) -> int:
    """Return the number of servers whose lease counts as ended, or whose events were taken over."""
    live = it.postgresql.sql(
        "SELECT count(*) FROM latchkey.processes WHERE address IS NOT NULL AND NOT fenced", it.database
    )
    return len(it.servers) - int(live)


@pytest.mark.gen_test(timeout=150)
async def test_a_paused_server_is_replaced_and_then_stores_nothing(tmp_path: Path, postgresql: Postgresql) -> None:
    async with cluster(tmp_path, postgresql, 2) as it:
        paused = it.servers[0]
        async with it.flowing():
            await asyncio.sleep(1)
            os.kill(paused.pid, signal.SIGSTOP)
            begun = time.monotonic()
            while not await asyncio.to_thread(fenced, it):
                assert time.monotonic() < begun + TAKEOVER_SECONDS, "its events were not taken over"
                await asyncio.sleep(0.2)
            took = time.monotonic() - begun
        await it.settled()
        assert not it.lost()
        before = content(it)
        os.kill(paused.pid, signal.SIGCONT)
        deadline = time.monotonic() + 10
        while paused.is_running():
            assert time.monotonic() < deadline, "it goes on although another server has its events"
            await asyncio.sleep(0.1)
        assert content(it) == before
        assert paused.exit_code == EXIT_FAILED
        assert "another server has taken over its events" in paused.last_lines(30)
        print(
            f"taken over after {took:.1f} s; {len(it.acknowledged)} acknowledged, 0 lost, nothing stored after the pause"
        )
        await it.start(paused)
        assert await it.send(it.event("number-again", "C1"), server=paused) == 200
