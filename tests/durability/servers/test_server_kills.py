"""Several servers on one database: no acknowledged event is lost, whichever server, connection or database ends."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.support.database.cluster import CLIENTS, Cluster, cluster
from tests.support.database.postgresql import Postgresql

pytestmark = pytest.mark.programs("postgres")

MAX_RUN_AGAIN = 3 * CLIENTS
"""For each kill: the events that were running, those of the commit that was running, and those of the next one."""


ORDERED = {"LATCHKEY_EVENTS_ORDERED": "channel"}


async def disturb(it: Cluster, *, kills: int, restarts: int, cuts: int, ordered: bool = False) -> None:
    """Kill servers, restart the database and cut its connections in a random order, under load."""
    chance = random.Random(kills)
    steps = ["kill"] * kills + ["restart"] * restarts + ["cut"] * cuts
    chance.shuffle(steps)
    async with it.flowing():
        for step in steps:
            await asyncio.sleep(chance.uniform(0.1, 0.6))
            if step == "kill":
                server = chance.choice(it.servers)
                server.kill()
                await asyncio.sleep(chance.uniform(0.0, 0.5))
                await it.start(server)
            elif step == "restart":
                await asyncio.to_thread(it.postgresql.restart)
            else:
                await asyncio.to_thread(it.postgresql.cut_connections, it.database)
        await asyncio.sleep(1)
    await it.settled()
    runs = it.run_counts()
    again = sum(count - 1 for count in runs.values())
    print(
        f"{len(it.servers)} servers, {kills} kills, {restarts} restarts, {cuts} cuts: acknowledged"
        f" {len(it.acknowledged)}, run again {again}, lost {len(it.lost())}; answers {dict(it.statuses)}"
    )
    assert not it.lost()
    assert not ordered or not it.out_of_order()
    assert again <= kills * MAX_RUN_AGAIN


@pytest.mark.gen_test(timeout=120)
async def test_two_servers_lose_nothing_in_a_few_disturbances(tmp_path: Path, postgresql: Postgresql) -> None:
    async with cluster(tmp_path, postgresql, 2) as it:
        await disturb(it, kills=5, restarts=1, cuts=3)
        assert len(it.acknowledged) > 100
        assert {run.server for run in it.runs()} == {"server-0", "server-1"}


@pytest.mark.gen_test(timeout=120)
async def test_the_order_of_each_channel_is_kept_whichever_server_ends(tmp_path: Path, postgresql: Postgresql) -> None:
    async with cluster(tmp_path, postgresql, 2, environment=ORDERED) as it:
        await disturb(it, kills=5, restarts=1, cuts=3, ordered=True)
        assert len(it.acknowledged) > 100
        assert {run.server for run in it.runs()} == {"server-0", "server-1"}, "both have led"


@pytest.mark.long
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("servers", [2, 4])
@pytest.mark.gen_test(timeout=1800)
async def test_a_hundred_kills_lose_nothing(
    tmp_path: Path, postgresql: Postgresql, servers: int, ordered: bool
) -> None:
    async with cluster(tmp_path, postgresql, servers, environment=ORDERED if ordered else {}) as it:
        await disturb(it, kills=100, restarts=10, cuts=50, ordered=ordered)
