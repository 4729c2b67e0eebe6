"""Puts all servers under the same load, one after another, and prints a table of medians.

Only ratios within one run are meaningful. Each round measures every peer once, so that
a slow minute of the machine affects all of them.
"""

from __future__ import annotations

import statistics
from dataclasses import fields

import click
from rich.console import Console
from rich.table import Table

from bench.load import Load, Measured, measure, web_api
from bench.peer import FLOOR, Peer, all_peers
from latchkey.errors import LatchkeyError


def choose(names: tuple[str, ...]) -> list[Peer]:
    """Return the floor and the named peers, or by default all that can run.

    Raises click.UsageError if a name is unknown, LatchkeyError if a named peer cannot run.
    """
    known = {peer.name: peer for peer in all_peers()}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no peer {name!r}; there are: {', '.join(known)}")
        if known[name].missing:
            raise LatchkeyError(f"{name} {known[name].missing}")
    chosen = [known[FLOOR], *(known[name] for name in names if name != FLOOR)] if names else list(known.values())
    for peer in chosen:
        if peer.missing:
            click.echo(f"skipped: {peer.name} {peer.missing}", err=True)
    return [peer for peer in chosen if not peer.missing]


def measure_in_turn(peers: list[Peer], load: Load, rounds: int, progress: Console) -> dict[str, Measured]:
    """Return each peer's medians, by its name."""
    results: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    with web_api() as api_url:
        for number in range(rounds):
            for peer in peers:
                measured = measure(peer, load, seed=number + 1, api_url=api_url)
                results[peer.name].append(measured)
                progress.print(f"round {number + 1} of {rounds}: {peer.name}: {measured.rate:,.0f} per second")
    return {name: _median(runs) for name, runs in results.items()}


def _median(runs: list[Measured]) -> Measured:
    return Measured(
        **{field.name: statistics.median(getattr(run, field.name) for run in runs) for field in fields(Measured)}
    )


def print_table(kind: str, medians: dict[str, Measured], shares: dict[str, float]) -> None:
    table = Table(title=f"{kind}s per second, as a share of {FLOOR}'s in this run")
    table.add_column("server", no_wrap=True)
    for heading in ("share", "per second", "p50 ms", "p99 ms", "MB idle", "MB loaded"):
        table.add_column(heading, justify="right")
    for name, result in sorted(medians.items(), key=lambda item: -shares[item[0]]):
        table.add_row(
            name,
            f"{shares[name]:.2f}",
            f"{result.rate:,.0f}",
            f"{result.p50_ms:.1f}",
            f"{result.p99_ms:.1f}",
            f"{result.idle_mb:.0f}",
            f"{result.loaded_mb:.0f}",
        )
    Console().print(table)
