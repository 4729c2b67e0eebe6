"""Measures this server under certain conditions: at half load, with many remembered ids, with faulty listeners, after
many events; and Bolt apps that are mounted beside the same apps on their own adapters.

The variants take turns in one run, and the results are medians.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from statistics import median

from rich.console import Console

from bench.compare import measure_in_turn
from bench.load import PREPARED, SERVER_CPU, SETTLE_SECONDS, Load, Measured, Wrk, replay, web_api
from bench.peer import MOUNTED, OURS, Peer, RunningPeer, all_peers, ours, started
from bench.traffic import MIXED

SHARE_OF_PREPARED = 0.7
"""Share of the prepared requests that one replay may use, so that no event is sent twice."""

_progress = Console(stderr=True, highlight=False)


def half_load(rounds: int, seconds: int) -> dict[str, float]:
    """Return the maximum rate, and the rate, p50 and p99 in ms at half of it."""
    full = _measure([ours()], Load(seconds=seconds), rounds)[OURS]
    result = _measure([ours()], Load(seconds=seconds, rate=full.rate / 2), rounds)[OURS]
    return {
        "full_rate": full.rate,
        "half_rate": result.rate,
        "share_of_full": result.rate / full.rate,
        "p50_ms": result.p50_ms,
        "p99_ms": result.p99_ms,
        "errors": full.errors + result.errors,
    }


def remembered_ids(rounds: int, seconds: int, few: int, many: int) -> dict[str, float]:
    """Return the rates with `few` and `many` remembered event ids, and their ratio."""
    peers = [ours(f"{count:,} remembered", REMEMBERED=str(count)) for count in (few, many)]
    results = list(_measure(peers, Load(seconds=seconds), rounds).values())
    return {
        "rate_with_few": results[0].rate,
        "rate_with_many": results[1].rate,
        "ratio": results[1].rate / results[0].rate,
        "p99_ms_with_few": results[0].p99_ms,
        "p99_ms_with_many": results[1].p99_ms,
    }


def troubled(rounds: int, seconds: int) -> dict[str, float]:
    """Return p99 in ms at half load, with normal and with faulty listeners."""
    calm, trouble = ours("calm listeners"), ours("troubled listeners", TROUBLE="1")
    load = Load(MIXED, seconds)
    full = _measure([calm], load, 1)[calm.name]
    results = _measure([calm, trouble], replace(load, rate=full.rate / 2), rounds)
    return {
        "p99_ms_calm": results[calm.name].p99_ms,
        "p99_ms_troubled": results[trouble.name].p99_ms,
        "ratio": results[trouble.name].p99_ms / results[calm.name].p99_ms,
        "rate_calm": results[calm.name].rate,
        "rate_troubled": results[trouble.name].rate,
        "errors": results[calm.name].errors + results[trouble.name].errors,
    }


def mounted(rounds: int, seconds: int) -> dict[str, float]:
    """Compare mounted Bolt apps with the same apps on their own adapters.

    Returns for events and for commands the median rate and p99 in ms of each server, and the ratio of a mounted app to
    the better of its adapters; and the events that were acknowledged and never finished.
    """
    peers = {peer.name: peer for peer in all_peers()}
    results: dict[str, list[Wrk]] = {}
    lost = 0
    with web_api() as api_url:
        for seed, kind in product(range(1, rounds + 1), ("event", "command")):
            for name in (name for group in MOUNTED.items() for name in (group[0], *group[1])):
                with started(peers[name], teams=1000, api_url=api_url, cpu=SERVER_CPU) as running:
                    time.sleep(SETTLE_SECONDS)
                    result = replay(running, Load(kind, seconds), seed=seed)
                    lost += _unfinished(running) if name in MOUNTED else 0
                results.setdefault(f"{kind}s, {name}", []).append(result)
                _progress.print(f"round {seed} of {rounds}: {kind}s, {name}: {result.rate:,.0f} per second")
    figures: dict[str, float] = {}
    for name, runs in results.items():
        figures[f"{name}: per second"] = median(run.rate for run in runs)
        figures[f"{name}: p99 ms"] = median(run.p99_ms for run in runs)
        figures[f"{name}: errors"] = sum(run.errors for run in runs)
    for kind, (name, own) in product(("event", "command"), MOUNTED.items()):
        for figure, better in (("per second", max), ("p99 ms", min)):
            best = better(figures[f"{kind}s, {adapter}: {figure}"] for adapter in own)
            figures[f"{kind}s, {name}: {figure}, ratio"] = figures[f"{kind}s, {name}: {figure}"] / best
    return {**figures, "events lost": lost}


def _unfinished(running: RunningPeer) -> int:
    """Wait until all acknowledged events are finished; returns how many are not, when their number stays the same."""
    before = -1
    while True:
        acknowledged, finished = running.events()
        if (waiting := acknowledged - finished) in (0, before):
            return waiting
        before = waiting
        time.sleep(5)


def memory(first: int, events: int) -> dict[str, float]:
    """Return the server's memory in MB after `first` and after `events` events with distinct ids, and the ratio."""
    sent, rate, seed = 0, 0.0, 0
    readings = []
    with web_api() as api_url, started(ours(), teams=1000, api_url=api_url, cpu=SERVER_CPU) as running:
        for goal in (first, events):
            while sent < goal:
                wanted = min(goal - sent, PREPARED * SHARE_OF_PREPARED)
                seconds = max(1, int(wanted / rate)) if rate else 1
                seed += 1
                result = replay(running, Load(seconds=seconds), seed=seed)
                rate, sent = result.rate, sent + min(result.requests, PREPARED)
                _progress.print(f"{sent:,} events: {running.memory_mb():.1f} MB")
            readings.append(running.memory_mb())
    few, many = readings
    return {"mb_after_few": few, "mb_after_many": many, "ratio": many / few, "events": sent}


def _measure(peers: list[Peer], load: Load, rounds: int) -> dict[str, Measured]:
    return measure_in_turn(peers, load, rounds, _progress)
