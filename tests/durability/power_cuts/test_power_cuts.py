"""Power cuts at any moment of a store's life lose nothing that was acknowledged, and the store opens."""

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.durability.power_cuts.checker import Promised, problems_after
from tests.durability.power_cuts.disk import Disk
from tests.durability.power_cuts.recording import Operation, record
from tests.support.stores import ROOT

pytestmark = pytest.mark.programs("strace")
LeavesOut = Callable[[str, bool], bool]
SYNCS: dict[str, LeavesOut] = {
    "folders": lambda path, is_folder: is_folder,
    "the -wal": lambda path, is_folder: path.endswith("-wal"),
    "the database": lambda path, is_folder: path.endswith(".sqlite"),
    "the keyring": lambda path, is_folder: "keyring" in path,
    "backups": lambda path, is_folder: "backups/" in path and not is_folder,
    "the restored copy": lambda path, is_folder: path.endswith(".restoring"),
    "the new store": lambda path, is_folder: ".sqlite.new" in path,
}
"""Kinds of syncs, by path and whether it is a folder's."""


def leaves_out_nothing(_path: str, _is_folder: bool) -> bool:
    return False


@pytest.fixture(scope="module")
def life(memory: Path) -> list[Operation]:
    """Every file operation of a store's life."""
    return record_life(memory, "storage_life.py")


def record_life(memory: Path, script: str) -> list[Operation]:
    folder = memory / script
    home = folder / "home"
    home.mkdir(mode=0o700, parents=True)
    program = [sys.executable, "-B", str(Path(__file__).parent / script), str(home)]
    return record(home, program, folder / "log", PYTHONPATH=str(ROOT))


def cut_often(
    life: list[Operation],
    times: int,
    folder: Path,
    leaves_out: LeavesOut = leaves_out_nothing,
) -> Counter[str]:
    """Cut the power this many times, spread over all operations; returns the problems."""
    chance = random.Random(times)
    cuts = sorted(
        chance.sample(range(len(life)), times) if times < len(life) else chance.choices(range(len(life)), k=times)
    )
    disk, promised, done = Disk(leaves_out), Promised(), 0
    found: Counter[str] = Counter()
    for cut in cuts:
        for operation in life[done:cut]:
            disk.apply(operation)
            if operation.kind == "acknowledge":
                promised.note(operation)
        done = cut
        home = folder / "home"
        disk.write_after_power_cut(chance, home)
        for problem in problems_after(home, promised):
            found[f"{cut}: {problem}"] += 1
        shutil.rmtree(home)
    kinds = Counter(operation.kind for operation in life)
    print(f"{times} power cuts in {len(life)} operations ({dict(kinds)}): {len(found)} problems")
    return found


def test_a_few_power_cuts_lose_nothing_that_was_acknowledged(life: list[Operation], memory: Path) -> None:
    assert not cut_often(life, 40, memory)


@pytest.mark.long
def test_a_thousand_power_cuts_lose_nothing_that_was_acknowledged(life: list[Operation], memory: Path) -> None:
    assert not cut_often(life, 1000, memory)


@pytest.mark.long
@pytest.mark.root  # strace must be allowed to read the memory of a server, which forbids it to its user
def test_a_thousand_power_cuts_beside_a_running_server_lose_nothing_that_was_acknowledged(memory: Path) -> None:
    assert not cut_often(record_life(memory, "server_life.py"), 1000, memory)


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.long) for kind in SYNCS])
def test_leaving_out_one_kind_of_sync_loses_something(kind: str, life: list[Operation], memory: Path) -> None:
    found = cut_often(life, 400, memory, SYNCS[kind])
    print(kind, found.most_common(3))
    assert found
