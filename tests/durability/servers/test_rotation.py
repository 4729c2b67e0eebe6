"""A key is rotated beside several servers: nothing becomes unreadable, and nothing is lost, however often it is killed."""

import asyncio
import random
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import open_for_command
from tests.support.command_line import command_line
from tests.support.database.cluster import Cluster, cluster
from tests.support.database.postgresql import DatabaseLocation, Postgresql

pytestmark = pytest.mark.programs("postgres")


async def keys(it: Cluster, *arguments: str) -> Process:
    """Start a command of the operator's on the first server's machine."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "LATCHKEY_STORAGE_URL": it.postgresql.url(it.database),
        "LATCHKEY_STORAGE_KEYRING": str(it.keyring_of(it.servers[0])),
    }
    return await asyncio.create_subprocess_exec(
        *command_line("keys", *arguments), cwd=it.folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


async def ended(process: Process) -> tuple[int | None, str]:
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def rotate_often(it: Cluster, kills: int) -> None:
    """Rotate again and again under load, and kill most of the rotations; each time one server gets its key late."""
    chance = random.Random(kills)
    first, *others = it.servers
    killed = 0
    async with it.flowing():
        while killed < kills:
            code, errors = await ended(await keys(it, "add"))
            assert code == 0, errors
            it.copy_keyring(first, others[0])
            code, errors = await ended(await keys(it, "rotate", "--no-backup", "--yes"))
            assert code == 1, errors
            assert "not every process that has the store open has the key" in errors
            it.copy_keyring(first, others[1])
            while killed < kills:
                rotation = await keys(it, "rotate", "--no-backup", "--yes")
                try:
                    async with asyncio.timeout(chance.uniform(0.3, 6.0)):
                        code, errors = await ended(rotation)
                except TimeoutError:
                    rotation.kill()
                    await ended(rotation)
                    killed += 1
                else:
                    assert code == 0, errors
                    break
    code, errors = await ended(await keys(it, "rotate", "--no-backup", "--yes"))
    assert code == 0, errors
    await it.settled()
    with closing(open_for_command(DatabaseLocation(it.postgresql.url(it.database)), it.keyring_of(first))) as store:
        found = store.keys.verify()
    print(
        f"{killed} rotations killed beside {len(it.servers)} servers: {found.total} records, {found.unreadable} unreadable,"
        f" {found.stale} under an old key; {len(it.acknowledged)} events acknowledged, {len(it.lost())} lost"
    )
    assert not found.unreadable
    assert not found.stale
    assert not it.lost()


@pytest.mark.gen_test(timeout=240)
async def test_a_few_killed_rotations_lose_nothing(tmp_path: Path, postgresql: Postgresql) -> None:
    async with cluster(tmp_path, postgresql, 3, own_keyrings=True) as it:
        await rotate_often(it, 3)


@pytest.mark.long
@pytest.mark.gen_test(timeout=1800)
async def test_fifty_killed_rotations_lose_nothing(tmp_path: Path, postgresql: Postgresql) -> None:
    async with cluster(tmp_path, postgresql, 3, own_keyrings=True) as it:
        await rotate_often(it, 50)
