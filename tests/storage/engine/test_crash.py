"""kill -9 at any moment: an installation is there whole or not at all, and what was acknowledged is there."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latchkey.storage import open_store

ROOT = Path(__file__).resolve().parent.parents[3]

WRITER = """
import sys
from slack_sdk.oauth.installation_store import Installation
from latchkey.storage import open_store
store = open_store(sys.argv[1], sys.argv[2])
turn = int(sys.argv[3])
while True:
    turn += 1
    team = f"T{turn % 40}"
    if turn % 7 == 3:
        store.installations.delete_all(enterprise_id=None, team_id=team)
        print("deleted", team, turn, flush=True)
        continue
    store.installations.save(Installation(team_id=team, user_id="U1", bot_token=f"b{turn}", bot_id="B",
        bot_user_id="UB", bot_scopes=[], user_token=f"u{turn}", installed_at=float(turn)))
    print("saved", team, turn, flush=True)
"""


def kill_somewhere(paths: tuple[Path, Path], start: int, seconds: float) -> list[list[str]]:
    """Run a writer for about this time, kill it, and return the writes that had returned."""
    command = [sys.executable, "-c", WRITER, *map(str, paths), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().split()]
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        told += [line.split() for line in writer.stdout]
    return [line for line in told if len(line) == 3]


def check(paths: tuple[Path, Path], acknowledged: dict[str, tuple[str, int]], last: int) -> None:
    """Every acknowledged write is on disk; only the one that was running may be there or not."""
    store = open_store(*paths)
    page = store.installations.page(limit=1000)
    found = {item.team_id: item for item in page.installations}
    assert not page.unreadable
    under_way = f"T{(last + 1) % 40}"
    for team, (what, turn) in acknowledged.items():
        item = found.get(team)
        bot = store.installations.find_bot(enterprise_id=None, team_id=team)
        assert (item is None) == (bot is None), "half an installation"
        if item is not None and bot is not None:
            now = int(bot.installed_at)
            assert (item.installed_at, item.user_token, bot.bot_token) == (now, f"u{now}", f"b{now}"), (
                "half an installation"
            )
        if team != under_way:
            there = ("deleted", turn) if bot is None else ("saved", int(bot.installed_at))
            assert there == (what, turn), f"{team}: an acknowledged write is gone, or a deleted one is back"
    store.close()


def kill_often(paths: tuple[Path, Path], times: int) -> int:
    acknowledged: dict[str, tuple[str, int]] = {}
    last = 0
    chance = random.Random(times)
    for _ in range(times):
        for what, team, turn in kill_somewhere(paths, last, chance.uniform(0.0, 0.15)):
            acknowledged[team] = (what, int(turn))
            last = max(last, int(turn))
        check(paths, acknowledged, last)
    return last


STARTER = """
import sys
from latchkey.storage import open_store
print("begin", flush=True)
open_store(sys.argv[1], sys.argv[2])
print("open", flush=True)
"""


@pytest.mark.parametrize("milliseconds", [0, 2, 4, 6, 8, 10, 13, 16, 20])
def test_killed_first_start_can_be_repeated(tmp_path: Path, milliseconds: int) -> None:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *map(str, paths)], stdout=subprocess.PIPE, cwd=ROOT
    ) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        time.sleep(milliseconds / 1000)
        starter.kill()
    open_store(*paths).close()
    assert sorted(path.name for folder in paths for path in folder.parent.iterdir()) == [
        "keyring",
        "store.sqlite",
        "store.sqlite.open",
    ]


def test_five_kills_lose_nothing_and_leave_no_partial_write(tmp_path: Path) -> None:
    assert kill_often((tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"), 5) > 0


@pytest.mark.long
def test_three_hundred_kills_lose_nothing_and_leave_no_partial_write(tmp_path: Path) -> None:
    writes = kill_often((tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"), 300)
    print(f"300 kills, {writes} acknowledged writes, 0 lost, 0 halves")
