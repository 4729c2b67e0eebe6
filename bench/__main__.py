"""The command `latchkey bench`: compares servers, or measures only this one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.console import Console

from bench import conditions, refreshing, soak
from bench.compare import choose, measure_in_turn, print_table
from bench.load import Load
from bench.peer import FLOOR
from bench.rotation import beside_events
from bench.traffic import KINDS
from latchkey.cli.run import run
from latchkey.commands.terminal import CommandGroup, Number, Word, json_option
from latchkey.errors import LatchkeyError

rounds_option = click.option(
    "--rounds",
    type=Number(1),
    default=3,
    show_default=True,
    help="measurements of each server; the result is the median",
)
seconds_option = click.option(
    "--seconds", type=Number(1), default=5, show_default=True, help="duration of each measurement"
)


@click.group(cls=CommandGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def bench(context: click.Context) -> None:
    """Compare this server with others under the same load (default: `compare`), or measure only this one."""
    _check_machine()
    if context.invoked_subcommand is None:
        context.invoke(compare)


@bench.command()
@click.option("--kind", type=Word(KINDS), default="event", show_default=True, help="kind of requests")
@rounds_option
@seconds_option
@click.option("--connections", type=Number(1), default=32, show_default=True, help="concurrent connections")
@click.option("--teams", type=Number(1), default=1000, show_default=True, help="workspaces that have installed the app")
@click.option(
    "--peer", "chosen", multiple=True, metavar="NAME", help="measure only this server and the floor; can be repeated"
)
@json_option
def compare(
    *, kind: str, rounds: int, seconds: int, connections: int, teams: int, chosen: tuple[str, ...], as_json: bool
) -> None:
    """Compare the maximum rates of several servers."""
    progress = Console(stderr=True, highlight=False)
    load = Load(kind, seconds, connections, teams)
    medians = measure_in_turn(choose(chosen), load, rounds, progress)
    shares = {name: result.rate / medians[FLOOR].rate for name, result in medians.items()}
    if as_json:
        rows = {name: {"share": round(shares[name], 3), **asdict(result)} for name, result in medians.items()}
        click.echo(json.dumps({"kind": kind, "rounds": rounds, "seconds": seconds, "teams": teams, "peers": rows}))
    else:
        print_table(kind, medians, shares)
    failed = {name for name, result in medians.items() if result.errors}
    if failed:
        progress.print(f"responded with errors: {', '.join(sorted(failed))}")
        sys.exit(1)


@bench.command()
@rounds_option
@seconds_option
@json_option
def half(*, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure the time to acknowledge an event at half of the maximum load."""
    _show(conditions.half_load(rounds, seconds), as_json)


@bench.command()
@rounds_option
@seconds_option
@click.option("--few", type=Number(0), default=1_000, show_default=True, help="remembered ids in the first store")
@click.option("--many", type=Number(0), default=1_000_000, show_default=True, help="remembered ids in the second")
@json_option
def remembered(*, rounds: int, seconds: int, few: int, many: int, as_json: bool) -> None:
    """Compare a store with few remembered event ids with one that has many."""
    _show(conditions.remembered_ids(rounds, seconds, few, many), as_json)


@bench.command()
@rounds_option
@seconds_option
@json_option
def trouble(*, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure acknowledgements while the listeners of three workspaces in a hundred sleep, raise or block."""
    _show(conditions.troubled(rounds, seconds), as_json)


@bench.command()
@rounds_option
@seconds_option
@json_option
def mounted(*, rounds: int, seconds: int, as_json: bool) -> None:
    """Compare mounted Bolt apps with the same apps on their own adapters, and count lost events."""
    _show(conditions.mounted(rounds, seconds), as_json)


@bench.command()
@click.option("--first", type=Number(1), default=10_000, show_default=True, help="events before the first reading")
@click.option("--events", type=Number(1), default=1_000_000, show_default=True, help="events before the last reading")
@json_option
def memory(*, first: int, events: int, as_json: bool) -> None:
    """Compare the server's memory after few and after many events."""
    _show(conditions.memory(first, events), as_json)


@bench.command("rotate")
@click.option(
    "--installs",
    type=Number(1),
    default=100_000,
    show_default=True,
    help="installations in the store, three records each",
)
@click.option(
    "--rounds", type=Number(1), default=3, show_default=True, help="number of rotations; the result is the median"
)
@json_option
def rotate_keys(*, installs: int, rounds: int, as_json: bool) -> None:
    """Rotate keys while the server handles half of its maximum load of events."""
    _show(beside_events(installs, rounds), as_json)


@bench.command("refresh")
@click.option("--events", type=Number(1), default=200, show_default=True, help="events that arrive at once")
@click.option("--people", type=Number(1), default=20, show_default=True, help="people who send them, each with a token")
@click.option(
    "--grace",
    type=Number(0),
    default=60,
    show_default=True,
    help="seconds for which a used refresh token is still accepted",
)
@json_option
def refresh(*, events: int, people: int, grace: int, as_json: bool) -> None:
    """Compare what becomes of tokens that have just expired, in Bolt for Python and in this server."""
    results = {name: asdict(result) for name, result in refreshing.compare(events, people, grace).items()}
    if as_json:
        click.echo(json.dumps(results))
        return
    names = list(results)
    click.echo(f"| | {' | '.join(names)} |")
    click.echo(f"| --- |{' ---: |' * len(names)}")
    for row in results[names[0]]:
        click.echo(f"| {row.replace('_', ' ')} | {' | '.join(str(results[name][row]) for name in names)} |")


@bench.command("sweep")
@click.option("--installs", type=Number(1), default=100_000, show_default=True, help="installations in the store")
@rounds_option
@seconds_option
@click.option("--per-second", default=20.0, show_default=True, help="[slack] refreshes_per_second")
@json_option
def sweep(*, installs: int, rounds: int, seconds: int, per_second: float, as_json: bool) -> None:
    """Refresh tokens that expire in the same hour while the server handles half of its maximum load of events."""
    _show(refreshing.beside_events(installs, rounds, seconds, per_second), as_json)


@bench.command("soak")
@click.option("--minutes", default=60.0, show_default=True, help="duration of the load")
@click.option("--rate", default=800.0, show_default=True, help="approximate requests per second")
@json_option
def soak_command(*, minutes: float, rate: float, as_json: bool) -> None:
    """Measure resource growth during mixed load."""
    samples = soak.soak(minutes, rate)
    if as_json:
        click.echo(json.dumps({"samples": [asdict(sample) for sample in samples], "growth": soak.growth(samples)}))
        return
    names = list(asdict(samples[0]))
    click.echo(f"| {' | '.join(name.replace('_', ' ') for name in names)} |")
    click.echo(f"|{' ---: |' * len(names)}")
    for sample in samples:
        click.echo(f"| {' | '.join(f'{value:,}' for value in asdict(sample).values())} |")
    _show(soak.growth(samples), as_json)


def _show(figures: Mapping[str, float], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        click.echo(f"{name.replace('_', ' '):60} {value:,.3f}")


def _check_machine() -> None:
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise LatchkeyError(f"{tool} is missing", hint="apt-get install wrk util-linux")
    if len(os.sched_getaffinity(0)) < 2:
        raise LatchkeyError("two CPUs are needed, one for the server and one for the load")


if __name__ == "__main__":
    sys.exit(run(bench, "latchkey bench"))
