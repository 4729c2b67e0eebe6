"""Measures the refresh of many tokens that expire in the same hour, and its effect on events.

The server has many installations. First none of their tokens expires, then all of them expire within an hour. The
events come at half of the maximum load. The variants take turns, and the results are medians.
"""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
from dataclasses import dataclass

from rich.console import Console

from bench.load import SERVER_CPU, Load, replay, web_api
from bench.peer import RunningPeer, ours, started

FULL_SECONDS = 4
IDLE_SECONDS = 20.0
START_SECONDS = 300.0
"""Maximum time until the index of what expires is built."""
REST_SECONDS = 3.0
REST_SHARE = 0.03
"""CPU seconds per second below which the server rests."""

_progress = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Variant:
    """One server's medians."""

    p99_ms: float
    cpu_share: float
    """CPU seconds per second without events."""
    refreshes_per_second: float
    start_mb: float
    end_mb: float
    errors: int


def beside_events(installs: int, rounds: int, seconds: int, per_second: float) -> dict[str, float]:
    """Return the sweep's CPU per token in ms, the events' p99 in ms with and without it, and the memory in MB."""
    without = _measure(installs, rounds, seconds, per_second, expiring=False)
    sweeping = _measure(installs, rounds, seconds, per_second, expiring=True)
    cpu = (sweeping.cpu_share - without.cpu_share) / sweeping.refreshes_per_second
    return {
        "installations": installs,
        "refreshes_per_second": sweeping.refreshes_per_second,
        "cpu_ms_per_token": 1000 * cpu,
        "p99_ms_without": without.p99_ms,
        "p99_ms_with": sweeping.p99_ms,
        "p99_ratio": sweeping.p99_ms / without.p99_ms,
        "start_mb": sweeping.start_mb,
        "end_mb": sweeping.end_mb,
        "mb_without": without.end_mb,
        "errors": without.errors + sweeping.errors,
    }


def _measure(installs: int, rounds: int, seconds: int, per_second: float, *, expiring: bool) -> Variant:
    name = "all expire" if expiring else "none expires"
    variables = {"INSTALLS": str(installs), "LATCHKEY_SLACK_REFRESHES_PER_SECOND": str(per_second)}
    peer = ours(name, **variables, **({"EXPIRING": "1"} if expiring else {}))
    with web_api() as api_url, started(peer, teams=0, api_url=api_url, cpu=SERVER_CPU) as server:
        _wait_for_start(server, api_url, expiring=expiring)
        start_mb = server.memory_mb()
        cpu, refreshed, begun = _cpu_seconds(server), _refreshes(api_url), time.monotonic()
        time.sleep(IDLE_SECONDS)
        elapsed = time.monotonic() - begun
        cpu_share, rate = (_cpu_seconds(server) - cpu) / elapsed, (_refreshes(api_url) - refreshed) / elapsed
        load = Load(seconds=FULL_SECONDS, teams=min(installs, 1000))
        full = replay(server, load, seed=1)
        half = Load(seconds=seconds, teams=load.teams, rate=full.rate / 2)
        measured = [replay(server, half, seed=number + 2) for number in range(rounds)]
        result = Variant(
            p99_ms=statistics.median(each.p99_ms for each in measured),
            cpu_share=cpu_share,
            refreshes_per_second=rate,
            start_mb=start_mb,
            end_mb=server.memory_mb(),
            errors=full.errors + sum(each.errors for each in measured),
        )
    _progress.print(f"{installs:,} installations, {name}: {result}")
    return result


def _wait_for_start(server: RunningPeer, api_url: str, *, expiring: bool) -> None:
    """Wait until the index of what expires is built: the first token is refreshed, or the server rests."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        before = _cpu_seconds(server)
        time.sleep(REST_SECONDS)
        if _refreshes(api_url) if expiring else _cpu_seconds(server) - before < REST_SHARE * REST_SECONDS:
            return
    raise RuntimeError("the server did not get ready")


def _refreshes(api_url: str) -> int:
    with urllib.request.urlopen(f"{api_url}refreshes") as response:
        return int(response.read())


def _cpu_seconds(server: RunningPeer) -> float:
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
