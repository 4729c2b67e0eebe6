"""Measures a key rotation while the server handles half of its maximum load, and the effect of each on the other.

In each round come the server without a rotation, a loop with only the cryptography during the load, and the rotation
during the load; the results are medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench.load import SERVER_CPU, Load, Wrk, prepared, replay, replay_prepared, web_api
from bench.peer import RunningPeer, ours, peak_bytes, started

ROOT = Path(__file__).resolve().parent.parent.parent
FULL_SECONDS = 4
MEMORY_SECONDS = 0.1
TIMES_BARE = 1.5
"""Duration of the measurement as a multiple of the bare loop's; the rotation takes longer and so covers all of it."""

_progress = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Script:
    """The output and peak memory of a process that has ended."""

    document: dict[str, float]
    peak_mb: float


@dataclass(frozen=True)
class Round:
    bare_rate: float
    rate: float
    """Records re-encrypted and verified per second."""
    reencryption_rate: float
    """Records re-encrypted per second, without the verification, as in the bare loop."""
    p99_ms_without: float
    p99_ms_with: float
    peak_mb: float
    errors: int
    covered: float
    """Share of the measurement during which the rotation ran."""


def beside_events(installs: int, rounds: int) -> dict[str, float]:
    """Return records per second, the events' p99 in ms with and without a rotation, and the command's memory in MB."""
    peer = ours(INSTALLS=str(installs))
    with web_api() as api_url, started(peer, teams=0, api_url=api_url, cpu=SERVER_CPU) as server:
        load = Load(seconds=FULL_SECONDS, teams=min(installs, 1000))
        full = replay(server, load, seed=1)
        _progress.print(f"{installs:,} installations; maximum load {full.rate:,.0f} events per second")
        half = replace(load, rate=full.rate / 2)
        measured = []
        for number in range(rounds):
            measured.append(_round(server, half, 10 * number + 2))
            _progress.print(f"round {number + 1} of {rounds}: {measured[-1]}")
    return {
        "installations": installs,
        "full_rate": full.rate,
        "half_rate": full.rate / 2,
        "bare_records_a_second": statistics.median(each.bare_rate for each in measured),
        "records_a_second": statistics.median(each.rate for each in measured),
        "ratio": statistics.median(each.rate / each.bare_rate for each in measured),
        "reencryption_ratio": statistics.median(each.reencryption_rate / each.bare_rate for each in measured),
        "p99_ms_without": statistics.median(each.p99_ms_without for each in measured),
        "p99_ms_with": statistics.median(each.p99_ms_with for each in measured),
        "p99_ratio": statistics.median(each.p99_ms_with / each.p99_ms_without for each in measured),
        "covered": statistics.median(each.covered for each in measured),
        "peak_mb": max(each.peak_mb for each in measured),
        "errors": full.errors + sum(each.errors for each in measured),
    }


def _round(server: RunningPeer, half: Load, seed: int) -> Round:
    store, keyring = server.folder / "data" / "store.sqlite", server.folder / "keys" / "keyring"
    bare, _ = _beside(server, half, seed, ["-m", "bench.rotation.bare", str(store), str(keyring)])
    load = replace(half, seconds=max(2, int(TIMES_BARE * bare.document["seconds"])))
    without = replay(server, load, seed=seed + 1)
    config = str(server.folder / "config.toml")
    script, beside = _beside(
        server,
        load,
        seed + 2,
        ["-m", "latchkey", "keys", "rotate", "--yes", "--no-backup", "--json", "--config", config],
    )
    seconds = script.document["seconds"]
    return Round(
        bare_rate=bare.document["records"] / bare.document["seconds"],
        rate=script.document["reencrypted"] / seconds,
        reencryption_rate=script.document["reencrypted"] / script.document["reencryption_seconds"],
        p99_ms_without=without.p99_ms,
        p99_ms_with=beside.p99_ms,
        peak_mb=script.peak_mb,
        errors=without.errors + beside.errors,
        covered=min(1.0, seconds / load.seconds),
    )


def _beside(server: RunningPeer, load: Load, seed: int, arguments: list[str]) -> tuple[Script, Wrk]:
    """Run a script during the load; returns its output and the load's results."""
    with prepared(load, seed=seed) as requests, ThreadPoolExecutor(1) as pool:
        replaying = pool.submit(replay_prepared, server, load, requests)
        return _run(arguments), replaying.result()


def _run(arguments: list[str]) -> Script:
    """Run a script and poll its peak memory; the one that `wait4` returns includes the parent's before exec."""
    environment = dict(os.environ)
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_bytes(process.pid) / 1e6)
        time.sleep(MEMORY_SECONDS)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{arguments!r} ended with {process.returncode}")
    return Script(json.loads(printed), peak)
