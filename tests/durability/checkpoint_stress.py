"""Processes that write to one SQLite file and checkpoint it as often as they can, to provoke SQLite's WAL-reset bug.

The bug needs a checkpoint that has nothing left to do, begun just before another process's commit starts the -wal anew.
So the checkpoints come in rounds: several processes checkpoint a long -wal many times at once, then pause until it is
long again. Each value has a number and each key is chosen at random, so that a lost page shows as an old number.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ctypes import c_long
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.sqlite.connection import GuardedConnection, WriteLock
from tests.support.stores import READY_SECONDS, fork_server

WRITERS = 2
CHECKPOINTERS = 3
KEYS = 20_000
"""Of each writer."""
CHECKPOINTS_PER_ROUND = 40
MAX_PAUSE_SECONDS = 0.01
STOPPED = -1
"""As the number of a round: the processes stop."""


class StressResult(NamedTuple):
    """What the processes did, and what the file is like afterwards."""

    commits: int
    checkpoints: int
    lost: int
    """Records older than the last commit that changed them."""
    damage: str
    """The first thing that SQLite finds wrong with the file; empty if nothing."""
    errors: Counter[str]
    """Failed calls by reason."""

    def is_sound(self) -> bool:
        return not self.lost and not self.damage


class _Report(NamedTuple):
    """What one process did."""

    commits: int
    checkpoints: int
    newest: dict[str, int]
    """The number of the last committed value, by key."""
    errors: Counter[str]


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Yield a temporary folder, in memory if possible: the more commits a second, the harder the stress."""
    in_memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as folder:
        yield Path(folder)


def stress(path: Path, seconds: float, *, with_lock: bool) -> StressResult:
    """Run the processes on a new file; `with_lock`: their connections take the write lock, as the store's do."""
    _create(path)
    context = fork_server(__name__)
    ready = context.Barrier(WRITERS + CHECKPOINTERS + 1)
    current_round = context.RawValue("l", 0)
    reports: Queue[_Report] = context.Queue()
    kinds = [(_write, number) for number in range(WRITERS)] + [(_checkpoint, number) for number in range(CHECKPOINTERS)]
    processes = [
        context.Process(target=target, args=(number, path, with_lock, ready, current_round, reports), daemon=True)
        for target, number in kinds
    ]
    for process in processes:
        process.start()
    ready.wait(READY_SECONDS)
    pause = random.Random()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(process.is_alive() for process in processes):
        current_round.value += 1
        time.sleep(pause.uniform(0, MAX_PAUSE_SECONDS))
    current_round.value = STOPPED
    found = [reports.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    newest = {key: number for report in found for key, number in report.newest.items()}
    lost, damage = _inspect(path, newest)
    return StressResult(
        sum(report.commits for report in found),
        sum(report.checkpoints for report in found),
        lost,
        damage,
        sum((report.errors for report in found), Counter()),
    )


def _create(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB)")
        keys = (f"{writer}-{number:05d}" for writer in range(WRITERS) for number in range(KEYS))
        connection.executemany("INSERT INTO records VALUES (?, ?)", ((key, _value(0)) for key in keys))
        connection.commit()


def _value(number: int) -> bytes:
    return number.to_bytes(6, "big") + os.urandom(100)


def _inspect(path: Path, newest: dict[str, int]) -> tuple[int, str]:
    try:
        with closing(sqlite3.connect(path)) as connection:
            stored = {
                key: int.from_bytes(value[:6], "big") for key, value in connection.execute("SELECT * FROM records")
            }
            [(damage,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        return 0, str(error)
    return sum(stored.get(key, -1) < number for key, number in newest.items()), "" if damage == "ok" else damage


def _connect(path: Path, with_lock: bool) -> GuardedConnection:
    return GuardedConnection(path, write_lock=WriteLock(path) if with_lock else None)


def _write(
    writer: int, path: Path, with_lock: bool, ready: Barrier, current_round: c_long, reports: Queue[_Report]
) -> None:
    chance = random.Random()
    commits, newest, errors = 0, dict[str, int](), Counter[str]()
    with closing(_connect(path, with_lock)) as connection:
        ready.wait(READY_SECONDS)
        while current_round.value != STOPPED and "damaged" not in errors:
            keys = [f"{writer}-{chance.randrange(KEYS):05d}" for _ in range(chance.choice((1, 1, 1, 2, 8)))]
            try:
                with connection.transaction() as transaction:
                    for key in keys:
                        transaction.execute("REPLACE INTO records VALUES (?, ?)", (key, _value(commits + 1)))
            except StoreUnavailable as error:
                errors[error.reason] += 1
            else:
                commits += 1
                newest.update(dict.fromkeys(keys, commits))
            # A checkpoint can only go wrong while no writer reads the file.
            time.sleep(chance.choice((0, 0, 0.0002, 0.0005)))
    reports.put(_Report(commits, 0, newest, errors))


def _checkpoint(
    _: int, path: Path, with_lock: bool, ready: Barrier, current_round: c_long, reports: Queue[_Report]
) -> None:
    checkpoints, seen, errors = 0, 0, Counter[str]()
    with closing(_connect(path, with_lock)) as connection:
        ready.wait(READY_SECONDS)
        while (number := current_round.value) != STOPPED and "damaged" not in errors:
            if number == seen:
                time.sleep(0.0002)
                continue
            seen = number
            try:
                for _ in range(CHECKPOINTS_PER_ROUND):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                    checkpoints += 1
            except StoreUnavailable as error:
                errors[error.reason] += 1
    reports.put(_Report(0, checkpoints, {}, errors))
