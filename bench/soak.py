"""Soak test: this server under mixed load for an hour or more.

Memory, descriptors, threads and the -wal must not grow after the first tenth of the time. The store grows only by
the ids that it keeps for 25 hours.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from bench.load import SERVER_CPU, Load, prepared, replay_prepared, web_api
from bench.peer import RunningPeer, ours, started
from bench.traffic import SOAK

SLICE_SECONDS = 50
TEAMS = 1000
MAX_ROWS = 12
"""Rows of the table."""

_progress = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Sample:
    """The server at one moment."""

    minute: float
    requests: int
    """Requests since the start."""
    p99_ms: float
    """Of the slice before this sample."""
    rss_mb: float
    descriptors: int
    threads: int
    wal_mb: float
    store_mb: float
    waiting: int
    """Unfinished events."""


def soak(minutes: float, rate: float) -> list[Sample]:
    """Run the server under `rate` requests per second; returns about MAX_ROWS samples, evenly spaced."""
    samples = []
    with web_api() as api_url, started(ours(), teams=TEAMS, api_url=api_url, cpu=SERVER_CPU) as running:
        for sample in _samples(running, minutes * 60, Load(SOAK, SLICE_SECONDS, teams=TEAMS, rate=rate)):
            _progress.print(" ".join(f"{name} {value:g}" for name, value in asdict(sample).items()))
            samples.append(sample)
    step = max(1, len(samples) // MAX_ROWS)
    return samples[::step] if samples[-1] in samples[::step] else [*samples[::step], samples[-1]]


def growth(samples: list[Sample]) -> dict[str, float]:
    """Return the ratio of the last value to the one after a tenth of the time, of everything that must not grow."""
    first, last = samples[len(samples) // 10], samples[-1]
    return {
        "rss": last.rss_mb / first.rss_mb,
        "descriptors": last.descriptors / first.descriptors,
        "threads": last.threads / first.threads,
        "wal": last.wal_mb / max(first.wal_mb, 0.1),
    }


def _samples(running: RunningPeer, seconds: float, load: Load) -> Iterator[Sample]:
    begun, sent = time.monotonic(), 0
    chance = random.Random(1)
    while (left := seconds - (time.monotonic() - begun)) > 1:
        part = replace(load, seconds=int(min(load.seconds, left)))
        with prepared(part, seed=chance.getrandbits(32)) as requests:
            result = replay_prepared(running, part, requests)
        sent += result.requests
        yield _sample(running, (time.monotonic() - begun) / 60, sent, result.p99_ms)


def _sample(running: RunningPeer, minute: float, sent: int, p99_ms: float) -> Sample:
    process = Path(f"/proc/{running.pid}")
    store = running.folder / "data" / "store.sqlite"
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as reader:
        tables = ("inbox", "retries", "aside", "replays")
        waiting = sum(reader.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables)
    return Sample(
        round(minute, 1),
        sent,
        round(p99_ms, 1),
        round(running.memory_mb(), 1),
        _descriptors(process),
        len(list((process / "task").iterdir())),
        round(store.with_name("store.sqlite-wal").stat().st_size / 1e6, 1),
        round(store.stat().st_size / 1e6, 1),
        waiting,
    )


def _descriptors(process: Path) -> int:
    try:
        return len(list((process / "fd").iterdir()))
    except PermissionError:
        raise SystemExit("latchkey: only root can count the server's descriptors; run the soak as root") from None
