"""SIGKILL at any moment of an import loses nothing: the next run continues, and no plain token is left in our files."""

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import Store, open_store
from tests.storage.installations.moving.other_stores import STORES
from tests.support.command_line import command_line
from tests.support.stores import SENTINELS, installation

KINDS = ("file", "sqlite3", "sqlalchemy", "bolt-js")


def installations(number: int) -> Iterator[Installation]:
    for index in range(number):
        org = {"enterprise_id": f"E{index}"} if index % 10 == 0 else {}
        yield installation(f"T{index:05}", user_id=f"U{index}", **org)


def kill_during_an_import(folder: Path, location: str, wait: Callable[[], None] | None) -> bool:
    """Start an import, and kill it once `wait` returns (None: let it end); returns whether it has ended before."""
    command = command_line("installs", "import", location, "--yes")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        started = process.stderr.readline()
        assert b"workspaces" in started, started
        if wait is not None:
            wait()
            process.kill()
        rest = process.communicate()[1]
    assert not [word for word in SENTINELS if word.encode() in rest]
    assert process.returncode in (0, -9), rest
    return process.returncode == 0


def check_complete(store: Store, number: int) -> None:
    found, after = 0, ""
    while True:
        page = store.installations.page(after=after)
        assert not page.unreadable
        for item in page.installations:
            assert item.bot_token == f"xoxb-sentinel-{item.team_id}"
            assert item.bot_refresh_token == f"xoxe-sentinel-{item.team_id}"
            assert item.user_token == f"xoxp-sentinel-{item.team_id}"
        found += len(page.installations)
        if page.after is None:
            break
        after = page.after
    assert found == number
    org = store.installations.find_installation(enterprise_id="E0", team_id="T00000")
    assert org is not None
    assert org.user_id == "U0"


def check_no_plain_token(folder: Path) -> None:
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [word for word in SENTINELS if word.encode() in content], path


def wait_for_the_first_commit(store: Store) -> None:
    while not store.installations.page(limit=1).installations:
        time.sleep(0.001)


def kill_repeatedly(folder: Path, kind: str, number: int, kills: int) -> None:
    """Kill imports of a source with this many workspaces, and let the last one end, while the store is in use."""
    source, ours = folder / "source", folder / "ours"
    source.mkdir()
    ours.mkdir()
    location = STORES[kind](source, installations(number))
    chance = random.Random(number)
    with closing(open_store(ours / "data" / "store.sqlite", ours / "keys" / "keyring")) as store:
        kill_during_an_import(ours, location, lambda: wait_for_the_first_commit(store))
        left = sum(1 for _ in store.workspaces.all())
        for _ in range(kills):
            kill_during_an_import(ours, location, lambda: time.sleep(chance.uniform(0, number / 4000)))
        started = time.monotonic()
        assert kill_during_an_import(ours, location, None)
        seconds = time.monotonic() - started
        check_complete(store, number)
        check_no_plain_token(ours)
    check_no_plain_token(ours)
    shutil.rmtree(source)
    print(f"{kind}: {kills + 1} kills, {left:,} of {number:,} imported at the first; the last run took {seconds:.1f} s")


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_import_is_completed_by_the_next(tmp_path: Path, kind: str) -> None:
    kill_repeatedly(tmp_path, kind, 100, 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_killed_imports_of_ten_thousand_installations_are_completed(tmp_path: Path, kind: str) -> None:
    kill_repeatedly(tmp_path, kind, 10_000, 20)
