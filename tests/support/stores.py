"""Fills stores on disk, reads them, and compares their files."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import StoreRefused, UnreadableRecord
from latchkey.storage import EventStatus, Store, StoredEvent, open_store

ROOT = Path(__file__).resolve().parent.parent.parent
Paths = tuple[Path, Path]
UNFINISHED = [EventStatus.WAITING, EventStatus.RETRYING, EventStatus.REPLAYING]
READY_SECONDS = 60
"""Time for other processes to start."""
SENTINELS = ("xoxb-sentinel", "xoxp-sentinel", "hooks-sentinel", "xoxe-sentinel")

_CRASHING = """
import os, sys
from pathlib import Path
from tests.support.stores import fill_open
from latchkey.storage import open_store
fill_open(open_store(sys.argv[1], sys.argv[2]), *sys.argv[3:])
os._exit(0)
"""
_HOLDER = """
import sys
from latchkey.storage import open_store
store = open_store(sys.argv[1], sys.argv[2])
print("open", flush=True)
sys.stdin.read()
"""


def installation(team_id: str, **values: object) -> Installation:
    defaults: dict[str, object] = {
        "app_id": "A1",
        "team_id": team_id,
        "team_name": f"Team {team_id}",
        "user_id": "U1",
        "bot_token": f"xoxb-sentinel-{team_id}",
        "bot_refresh_token": f"xoxe-sentinel-{team_id}",
        "bot_id": "B1",
        "bot_user_id": "UB1",
        "bot_scopes": ["chat:write"],
        "user_token": f"xoxp-sentinel-{team_id}",
        "user_scopes": ["search:read"],
        "incoming_webhook_url": "https://hooks-sentinel",
        "installed_at": 1_795_000_000.0,
    }
    return Installation(**{**defaults, **values})  # type: ignore[arg-type]


def fill_open(store: object, *teams: str) -> None:
    for team in teams:
        store.installations.save(installation(team))  # type: ignore[attr-defined]


def fill(paths: Paths, *teams: str) -> None:
    with closing(open_store(*paths)) as store:
        fill_open(store, *teams)


def fill_and_crash(paths: Paths, *teams: str) -> None:
    """Fill a store in a process that dies before its -wal is checkpointed."""
    subprocess.run([sys.executable, "-c", _CRASHING, *map(str, paths), *teams], cwd=ROOT, check=True)
    assert beside(paths[0], "-wal").stat().st_size


def damage(store: Path) -> tuple[bytes, bytes]:
    """Damage a store as a bad disk does; returns the content of the store and of its -wal."""
    content = b"damaged" + store.read_bytes()[7:]
    store.write_bytes(content)
    return content, beside(store, "-wal").read_bytes()


def teams(paths: Paths) -> set[str]:
    """Return the workspaces in a store; every record must be readable."""
    with closing(open_store(*paths)) as store:
        found = store.installations.page()
        assert not found.unreadable
        for item in found.installations:
            bot = store.installations.find_bot(enterprise_id=None, team_id=item.team_id)
            assert bot is not None
            assert bot.bot_token == f"xoxb-sentinel-{item.team_id}"
        return {str(item.team_id) for item in found.installations}


def which_opens(paths: Paths, old: set[str], new: set[str]) -> str:
    """Return which store opens after a crash, "old", "new" or "none", by its workspaces; it must be complete."""
    try:
        found = teams(paths)
    except StoreRefused as error:
        assert not paths[0].exists(), error
        assert "latchkey restore" in error.hint
        return "none"
    assert found in (old, new)
    return "old" if found == old else "new"


def unfinished(store: Store) -> list[StoredEvent | UnreadableRecord]:
    """Return all events that are neither done nor failed."""
    return list(store.event_admin.all(UNFINISHED))


def failed(store: Store) -> list[StoredEvent | UnreadableRecord]:
    return list(store.event_admin.all([EventStatus.FAILED]))


def rows(store: Path, table: str) -> int:
    """Return the number of records in a table."""
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file except locks and SQLite's -shm files, which contain no data."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", ".lock")) and ".open" not in path.parent.name
    }


def replaced(store: Path) -> list[Path]:
    """Return the stores that restores have replaced and kept."""
    return sorted(
        path
        for path in store.parent.glob(f"{store.name}.replaced-*")
        if not path.name.endswith(("-wal", "-shm", ".lock", ".open"))
    )


def fork_server(module: str) -> ForkServerContext:
    """Return the context for processes that run functions of this module, which is imported only once for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


@contextmanager
def other_process(paths: Paths) -> Iterator[subprocess.Popen[bytes]]:
    """Keep the store open in another process, which is killed at the end."""
    command = [sys.executable, "-c", _HOLDER, *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


FOREIGN = (12345, 12346)
"""A user and a group that own nothing else on this machine."""


@contextmanager
def new_public_folder() -> Iterator[Path]:
    """Yield a folder that every user can enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="latchkey-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def foreign_store(folder: Path, *teams: str) -> Paths:
    """Create a store, and a keyring, each in a folder that belongs to FOREIGN."""
    paths = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
    fill(paths, *teams)
    for path in paths:
        give_all_to(path.parent, *FOREIGN)
    return paths


def give_all_to(folder: Path, uid: int, gid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid)


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.rglob("*"))}
