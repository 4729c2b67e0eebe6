"""This server for an hour and more under everything that Slack and strangers send: does anything grow that should not?

Rule: what is flat must be flat after the first tenth: memory, descriptors, threads and the -wal. The store grows
by the ids that it remembers for 25 hours, and by nothing else.
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
LISTED = 12
"""Rows of the table."""

_progress = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Sample:
    """The server at one moment."""

    minute: float
    requests: int
    """Sent since the beginning."""
    p99_ms: float
    """In the slice before."""
    rss_mb: float
    descriptors: int
    threads: int
    wal_mb: float
    store_mb: float
    waiting: int
    """Records of events that are not done."""


def soak(minutes: float, rate: float) -> list[Sample]:
    """Return samples of a server under so many requests a second, about LISTED of them, evenly over the time."""
    samples = []
    with web_api() as api_url, started(ours(), teams=TEAMS, api_url=api_url, cpu=SERVER_CPU) as running:
        for sample in _samples(running, minutes * 60, Load(SOAK, SLICE_SECONDS, teams=TEAMS, rate=rate)):
            _progress.print(" ".join(f"{name} {value:g}" for name, value in asdict(sample).items()))
            samples.append(sample)
    step = max(1, len(samples) // LISTED)
    return samples[::step] if samples[-1] in samples[::step] else [*samples[::step], samples[-1]]


def growth(samples: list[Sample]) -> dict[str, float]:
    """Return how many times as much there is at the end as after the first tenth, of all that should be flat."""
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
    folder = Path(f"/proc/{running.pid}/cwd").resolve()
    while (left := seconds - (time.monotonic() - begun)) > 1:
        part = replace(load, seconds=int(min(load.seconds, left)))
        with prepared(part, seed=chance.getrandbits(32)) as requests:
            result = replay_prepared(running, part, requests)
        sent += result.requests
        yield _sample(running, folder, (time.monotonic() - begun) / 60, sent, result.p99_ms)


def _sample(running: RunningPeer, folder: Path, minute: float, sent: int, p99_ms: float) -> Sample:
    process = Path(f"/proc/{running.pid}")
    store = folder / "data" / "store.sqlite"
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as reader:
        tables = ("inbox", "retries", "aside", "replays")
        waiting = sum(reader.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables)
    return Sample(
        round(minute, 1),
        sent,
        round(p99_ms, 1),
        round(running.memory_mb(), 1),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        round(store.with_name("store.sqlite-wal").stat().st_size / 1e6, 1),
        round(store.stat().st_size / 1e6, 1),
        waiting,
    )
