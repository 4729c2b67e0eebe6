"""SIGKILL at any moment of a rotation or of `keys add`, while a server and an app write: every record stays readable, none is lost."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile
from tests.support.load.rotation_load import Writers, command, writers

# Without a backup, which most kills would hit; test_restore_kills.py kills backups.
MOMENTS: dict[str, Callable[[random.Random], float]] = {
    # Mostly during writes, sometimes while it waits or verifies.
    "rotate": lambda chance: chance.uniform(0.2, 1.2) if chance.random() < 0.8 else chance.uniform(0.2, 3.5),
    "add": lambda chance: chance.uniform(0.15, 0.6),
}
"""Seconds until a command is killed: before its work, during it, or at about its end."""


async def run_and_kill(folder: Path, seconds: float, *arguments: str) -> bool:
    """Start a command, kill it after this many seconds, and return whether it was still running."""
    process = await command(folder, "keys", *arguments)
    complained = b""
    try:
        _, complained = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        with suppress(ProcessLookupError):  # it may end just now
            process.kill()
        await process.wait()
    assert process.returncode in (0, -9), complained
    return process.returncode == -9


async def finish(folder: Path, beside: Writers) -> None:
    """Run a complete rotation; it resumes the killed one, and all records have one key afterwards."""
    process = await command(folder, "keys", "rotate", "--yes", "--no-backup", "--json")
    _, complained = await process.communicate()
    assert process.returncode == 0, complained
    await asyncio.to_thread(beside.check)
    assert await asyncio.to_thread(beside.stale) == 0
    in_use = [entry for entry in KeyringFile(beside.keyring).entries if entry.retired_at is None]
    assert [entry.key_id for entry in in_use] == [read_keyring(beside.keyring).key_ids[0]]
    assert [path.name for path in beside.keyring.parent.iterdir()] == ["keyring"]


async def kill_repeatedly(
    folder: Path, times: int, *arguments: str, seed: int = 0, kept: int = 1500, finish_every: int = 1
) -> Counter[str]:
    """Kill the command repeatedly; check everything after each kill, and run it completely in between."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    async with writers(folder, kept=kept) as beside:
        for number in itertools.count(1):
            before = read_keyring(beside.keyring).key_ids
            counts["kills"] += await run_and_kill(folder, MOMENTS[arguments[0]](chance), *arguments)
            after = read_keyring(beside.keyring).key_ids
            assert after[-len(before) :] == before, "a key is lost"
            counts["with a new key"] += after != before
            await asyncio.to_thread(beside.check)
            counts["with records under both keys"] += 0 < await asyncio.to_thread(beside.stale) < 2 * kept
            if number % finish_every == 0:
                await finish(folder, beside)
                counts["finished by the next run"] += 1
            if number % (10 * finish_every) == 0:
                await retire_all(folder, beside)
            if counts["kills"] == times:
                break
        counts["acknowledged writes"] = beside.app.turn
    counts["acknowledged events"] = len(beside.load.acknowledged)
    print(f"keys {arguments[0]}: {dict(counts)}; unreadable 0, updates lost 0, deleted records back 0, events lost 0")
    return counts


async def retire_all(folder: Path, beside: Writers) -> None:
    for key_id in read_keyring(beside.keyring).key_ids[1:]:
        process = await command(folder, "keys", "retire", key_id, "--yes")
        _, complained = await process.communicate()
        assert process.returncode == 0, complained
    await asyncio.to_thread(beside.check)


@pytest.mark.gen_test(timeout=120)
async def test_a_killed_rotation_loses_nothing_and_the_next_run_completes_it(tmp_path: Path) -> None:
    counts = await kill_repeatedly(tmp_path, 2, "rotate", "--yes", "--no-backup", kept=500, finish_every=2)
    assert counts["finished by the next run"]


@pytest.mark.gen_test(timeout=120)
async def test_a_killed_keys_add_adds_the_key_or_does_not(tmp_path: Path) -> None:
    counts = await kill_repeatedly(tmp_path, 2, "add", kept=100, finish_every=2)
    assert counts["acknowledged writes"]


@pytest.mark.long
@pytest.mark.parametrize("fifty", range(4))
@pytest.mark.gen_test(timeout=1200)
async def test_two_hundred_kills_during_rotations_lose_nothing(tmp_path: Path, fifty: int) -> None:
    counts = await kill_repeatedly(tmp_path, 50, "rotate", "--yes", "--no-backup", seed=fifty, kept=4000)
    assert counts["with records under both keys"] > 3


@pytest.mark.long
@pytest.mark.gen_test(timeout=1200)
async def test_two_hundred_kills_during_keys_add_lose_nothing(tmp_path: Path) -> None:
    counts = await kill_repeatedly(tmp_path, 200, "add", kept=100, finish_every=10)
    assert counts["with a new key"] > 10
