"""No acknowledged event is lost: not by SIGKILL, not by a full disk, not by another process's lock."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.durability.test_live_faults import full_disk, locked
from tests.support.load.event_load import NATIVE, SENDERS, JournalApp, Load, journaling

REFUSAL_MILLISECONDS = 2500 + 400
"""2.5 s, and some time for a machine that sends and serves at the same time."""
MAX_RUN_AGAIN = 3 * SENDERS
"""After one kill: the events that were running, those of the commit that was running, and those of the next one."""


async def kill_often(folder: Path, times: int, app: JournalApp = NATIVE) -> Load:
    """Kill the server again and again under load; returns the load once all its events are done."""
    chance = random.Random(times)
    unfinished_at_a_kill: set[str] = set()
    async with journaling(folder, app=app) as load:
        for _ in range(times):
            async with load.flowing():
                await asyncio.sleep(chance.uniform(0.05, 0.5))
                load.it.server.kill()
                unfinished = load.unfinished()
                finished = {text: count for text, count in load.runs().items() if text not in unfinished}
                unfinished_at_a_kill |= unfinished
                started = unfinished & set(load.runs())
                assert sum(not text.endswith("7") for text in started) <= MAX_RUN_AGAIN, (
                    "outcomes were not written soon"
                )
                await load.it.server.start(load.it.slack)
            runs = load.runs()
            assert all(runs[text] == count for text, count in finished.items()), (
                "an event ran again although its outcome was on disk"
            )
        await load.settled()
        runs = load.runs()
        twice = {text for text, count in runs.items() if count > 1 + text.endswith("7")}
        assert not load.lost()
        assert twice <= unfinished_at_a_kill, "an event ran again that no kill had interrupted"
        assert await load.it.server.stop() == 0
        print(
            f"{times} kills: acknowledged {len(load.acknowledged)}, handled {len(runs)}, run twice {len(twice)}, "
            f"copies answered {load.duplicates}, lost {len(load.lost())}; answers {dict(load.statuses)}"
        )
        return load


@pytest.mark.gen_test(timeout=60)
async def test_a_few_kills_under_load_lose_no_acknowledged_event(tmp_path: Path) -> None:
    load = await kill_often(tmp_path, 4)
    assert len(load.acknowledged) > 50
    assert load.duplicates


@pytest.mark.long
@pytest.mark.gen_test(timeout=1200)
async def test_a_hundred_kills_under_load_lose_no_acknowledged_event(tmp_path: Path) -> None:
    load = await kill_often(tmp_path, 100)
    assert load.duplicates


async def refuse_for_a_while(load: Load, fault: object, seconds: float) -> None:
    async with load.flowing():
        await asyncio.sleep(0.5)
        before = load.statuses[503]
        with fault:  # type: ignore[attr-defined]
            await asyncio.sleep(seconds)
        assert load.statuses[503] > before
    await load.settled()
    assert not load.lost()
    assert load.slowest_refusal < REFUSAL_MILLISECONDS
    assert not load.statuses[599], "every answer came in time"
    runs = load.runs()
    odd = {text: count for text, count in runs.items() if count != 1 + text.endswith("7")}
    assert not odd, "run twice, or not tried again"
    print(
        f"{seconds} s: acknowledged {len(load.acknowledged)}, handled {len(runs)}, lost 0, "
        f"slowest 503 {load.slowest_refusal:.0f} ms; answers {dict(load.statuses)}"
    )


@pytest.mark.parametrize("seconds", [2.5, pytest.param(10.0, marks=pytest.mark.long)])
@pytest.mark.gen_test(timeout=60)
async def test_another_process_holds_the_write_lock(tmp_path: Path, seconds: float) -> None:
    async with journaling(tmp_path) as load:
        await refuse_for_a_while(load, locked(load.it.store), seconds)


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.long)])
@pytest.mark.gen_test(timeout=60)
async def test_the_disk_is_full(tmp_path: Path, seconds: float) -> None:
    async with journaling(tmp_path) as load:
        await refuse_for_a_while(load, full_disk(load.it), seconds)
