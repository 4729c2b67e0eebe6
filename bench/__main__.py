"""The command: rounds of everyone in turn, then a table of medians.

Rule: only ratios within one run mean anything. Each round measures every peer
once, so that a slow minute of the machine falls on all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from dataclasses import asdict, fields

import click
from rich.console import Console
from rich.table import Table

from bench.load import Measured, measure, web_api
from bench.peer import FLOOR, Peer, all_peers
from bench.traffic import KINDS


@click.command()
@click.option("--kind", type=click.Choice(KINDS), default="event", show_default=True, help="What is sent.")
@click.option("--rounds", default=3, show_default=True, help="How often each is measured; the median counts.")
@click.option("--seconds", default=5, show_default=True, help="How long each measurement takes.")
@click.option("--connections", default=32, show_default=True, help="Connections of the load, all busy.")
@click.option("--teams", default=1000, show_default=True, help="Workspaces that have installed the app.")
@click.option("--peer", "chosen", multiple=True, metavar="NAME", help="Only these beside the floor; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
def bench(
    *, kind: str, rounds: int, seconds: int, connections: int, teams: int, chosen: tuple[str, ...], as_json: bool
) -> None:
    """Compare this server with others, under the same load, in one run."""
    _check_machine()
    peers = _choose(chosen)
    progress = Console(stderr=True, highlight=False)
    results: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    with web_api() as api_url:
        for turn in range(rounds):
            for peer in peers:
                measured = measure(
                    peer,
                    kind=kind,
                    seconds=seconds,
                    connections=connections,
                    teams=teams,
                    seed=turn + 1,
                    api_url=api_url,
                )
                results[peer.name].append(measured)
                progress.print(f"round {turn + 1} of {rounds}: {peer.name}: {measured.rate:,.0f} a second")
    medians = {name: _median(runs) for name, runs in results.items()}
    shares = {name: result.rate / medians[FLOOR].rate for name, result in medians.items()}
    if as_json:
        rows = {name: {"share": round(shares[name], 3), **asdict(result)} for name, result in medians.items()}
        click.echo(json.dumps({"kind": kind, "rounds": rounds, "seconds": seconds, "teams": teams, "peers": rows}))
    else:
        _print_table(kind, medians, shares)
    failed = {name for name, result in medians.items() if result.errors}
    if failed:
        progress.print(f"answered with errors: {', '.join(sorted(failed))}")
        sys.exit(1)


def _check_machine() -> None:
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise click.ClickException(f"{tool} is missing: apt-get install wrk util-linux")
    if len(os.sched_getaffinity(0)) < 2:
        raise click.ClickException("two CPUs are needed, one for the server and one for the load")


def _choose(names: tuple[str, ...]) -> list[Peer]:
    known = {peer.name: peer for peer in all_peers()}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no peer {name!r}; there are: {', '.join(known)}")
        if known[name].missing:
            raise click.ClickException(f"{name} {known[name].missing}")
    chosen = [known[FLOOR], *(known[name] for name in names if name != FLOOR)] if names else list(known.values())
    for peer in chosen:
        if peer.missing:
            click.echo(f"left out: {peer.name} {peer.missing}", err=True)
    return [peer for peer in chosen if not peer.missing]


def _median(runs: list[Measured]) -> Measured:
    return Measured(
        **{field.name: statistics.median(getattr(run, field.name) for run in runs) for field in fields(Measured)}
    )


def _print_table(kind: str, medians: dict[str, Measured], shares: dict[str, float]) -> None:
    table = Table(title=f"{kind}s a second, as a share of {FLOOR}'s in this run")
    table.add_column("server", no_wrap=True)
    for heading in ("share", "a second", "p50 ms", "p99 ms", "MB idle", "MB loaded"):
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


if __name__ == "__main__":
    bench(prog_name="latchkey bench")
