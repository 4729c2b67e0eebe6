"""Measures the refresh of many tokens that expire in the same hour, and its effect on events.

Two servers have many installations; in one of them, all tokens expire within an hour. The events come at half of the
maximum load, to one server after the other, and the results are medians.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

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


def beside_events(installs: int, rounds: int, seconds: int, per_second: float) -> dict[str, float]:
    """Return the sweep's CPU per token in ms, the events' p99 in ms with and without it, and the memory in MB."""
    variables = {"INSTALLS": str(installs), "LATCHKEY_SLACK_REFRESHES_PER_SECOND": str(per_second)}
    without, expiring = ours("none expires", **variables), ours("all expire", EXPIRING="1", **variables)
    with (
        web_api() as api_url,
        started(without, teams=0, api_url=api_url, cpu=SERVER_CPU) as calm,
        started(expiring, teams=0, api_url=api_url, cpu=SERVER_CPU) as sweeping,
    ):
        _wait_for_start(calm, sweeping, api_url)
        start_mb = sweeping.memory_mb()
        idle = _idle(calm, sweeping, api_url)
        _progress.print(f"without events: {idle}")
        load = Load(seconds=FULL_SECONDS, teams=min(installs, 1000))
        with _paused(sweeping):
            full = replay(calm, load, seed=1)
        half = replace(load, seconds=seconds, rate=full.rate / 2)
        pairs = []
        for number in range(rounds):
            with _paused(sweeping):
                first = replay(calm, half, seed=number + 2)
            pairs.append((first, replay(sweeping, half, seed=number + 2)))
            _progress.print(
                f"round {number + 1} of {rounds}: p99 {first.p99_ms} ms without, {pairs[-1][1].p99_ms} with"
            )
        end_mb = sweeping.memory_mb()
    return {
        "installations": installs,
        **idle,
        "half_rate": full.rate / 2,
        "p99_ms_without": statistics.median(before.p99_ms for before, _ in pairs),
        "p99_ms_with": statistics.median(after.p99_ms for _, after in pairs),
        "p99_ratio": statistics.median(after.p99_ms / before.p99_ms for before, after in pairs),
        "start_mb": start_mb,
        "end_mb": end_mb,
        "errors": full.errors + sum(before.errors + after.errors for before, after in pairs),
    }


def _idle(calm: RunningPeer, sweeping: RunningPeer, api_url: str) -> dict[str, float]:
    """Return the rate of refreshes and their CPU time, without events."""
    servers = calm, sweeping
    cpu, refreshed, begun = [*map(_cpu_seconds, servers)], _refreshes(api_url), time.monotonic()
    time.sleep(IDLE_SECONDS)
    used = [_cpu_seconds(server) - before for server, before in zip(servers, cpu, strict=True)]
    refreshed = _refreshes(api_url) - refreshed
    return {
        "refreshes_per_second": refreshed / (time.monotonic() - begun),
        "cpu_ms_per_token": 1000 * (used[1] - used[0]) / refreshed,
    }


@contextmanager
def _paused(server: RunningPeer) -> Iterator[None]:
    """Stop a server for a while, because both run on the same CPU."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def _wait_for_start(calm: RunningPeer, sweeping: RunningPeer, api_url: str) -> None:
    """Wait until both have built the index of what expires: one rests, and the other refreshes the first token."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        before = _cpu_seconds(calm)
        time.sleep(REST_SECONDS)
        if _refreshes(api_url) and _cpu_seconds(calm) - before < REST_SHARE * REST_SECONDS:
            return
    raise RuntimeError("the servers did not get ready")


def _refreshes(api_url: str) -> int:
    with urllib.request.urlopen(f"{api_url}refreshes") as response:
        return int(response.read())


def _cpu_seconds(server: RunningPeer) -> float:
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
