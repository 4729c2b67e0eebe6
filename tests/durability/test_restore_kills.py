"""`latchkey restore` and `latchkey backup` killed at random moments: nothing is partial, and the next run succeeds."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from latchkey.storage import list_backups, make_backup
from tests.support.command_line import run
from tests.support.stores import Paths, beside, damage, fill, fill_and_crash, replaced, teams, which_opens

OLD, NEW = {"T1", "T2", "T3", "T4"}, {"T1", "T2"}

# The command as it is typed; kills begin after the imports, which have nothing to interrupt.
COMMAND = """
import sys
from latchkey import cli
print("begin", flush=True)
sys.exit(cli.main())
"""


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    return process


def killed_after(folder: Path, seconds: float, *arguments: str) -> bool:
    """Run a command and kill it after this many seconds; False if it ended before."""
    with start(folder, *arguments) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def duration_of(folder: Path, *arguments: str) -> float:
    with start(folder, *arguments) as process:
        before = time.monotonic()
        assert process.wait() == 0
        return time.monotonic() - before


def state_of(paths: Paths, damaged: bytes) -> str:
    if damaged and paths[0].exists() and paths[0].read_bytes() == damaged:
        return "old"  # unchanged
    return which_opens(paths, OLD, NEW)


def kill_restores(folder: Path, times: int) -> Counter[str]:
    paths = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
    fill(paths, *NEW)
    make_backup(*paths, folder / "backups")
    command = ("restore", "--yes", "--offline")
    longest = 1.1 * duration_of(folder, *command)
    chance = random.Random(times)
    left: Counter[str] = Counter()
    for _ in range(times):
        for path in paths[0].parent.glob("*.replaced-*"):
            if path.is_file():
                path.unlink()
        fill_and_crash(paths, "T3", "T4")
        damaged = damage(paths[0])[0] if chance.random() < 0.3 else b""
        killed = killed_after(folder, chance.uniform(0, longest), *command)
        opened = state_of(paths, damaged)
        left[opened + ("" if killed else ", completed")] += 1
        done = run(folder, *command)
        assert done.returncode == 0, done.stderr
        assert teams(paths) == NEW
        kept = replaced(paths[0])
        assert (
            damaged in [path.read_bytes() for path in kept] if damaged else OLD in [teams((k, paths[1])) for k in kept]
        )
        assert not beside(paths[0], ".restoring").exists()
    print(f"{times} kills within {longest:.3f} s of a restore: {dict(left)}, mixed 0, lost 0")
    return left


def kill_backups(folder: Path, times: int) -> Counter[str]:
    paths = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
    fill(paths, *(f"T{number}" for number in range(300)))
    longest = 1.1 * duration_of(folder, "backup")
    chance = random.Random(times)
    left: Counter[str] = Counter()
    for _ in range(times):
        before = len(list_backups(folder / "backups"))
        killed_after(folder, chance.uniform(0, longest), "backup", "--keep", "1000")
        found = list_backups(folder / "backups")
        left["complete" if len(found) > before else "none"] += 1
        assert run(folder, "restore", "--dry-run").returncode == 0, "the newest backup is incomplete"
        assert len(found) - before in (0, 1)
    assert run(folder, "backup", "--keep", "1").returncode == 0
    assert len(list((folder / "backups").iterdir())) == 1, "a killed run left files behind"
    print(f"{times} kills within {longest:.3f} s of a backup: {dict(left)}, partial 0")
    return left


def test_a_few_kills_during_restores_leave_the_old_or_the_new_store(tmp_path: Path) -> None:
    assert sum(kill_restores(tmp_path, 4).values()) == 4


@pytest.mark.long
def test_two_hundred_kills_during_restores_leave_the_old_or_the_new_store(tmp_path: Path) -> None:
    left = kill_restores(tmp_path, 200)
    assert left["old"]
    assert left["new"]


def test_a_few_kills_during_backups_leave_no_partial_backup(tmp_path: Path) -> None:
    assert sum(kill_backups(tmp_path, 3).values()) == 3


@pytest.mark.long
def test_a_hundred_kills_during_backups_leave_no_partial_backup(tmp_path: Path) -> None:
    left = kill_backups(tmp_path, 100)
    assert left["none"]
    assert left["complete"]
