"""The command: compare with others, or look at this server alone under what a year brings."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.console import Console

from bench import conditions, rotation, soak
from bench.compare import choose, measure_in_turn, print_table
from bench.load import Load
from bench.peer import FLOOR
from bench.traffic import KINDS

rounds_option = click.option(
    "--rounds", default=3, show_default=True, help="How often each is measured; the median counts."
)
seconds_option = click.option("--seconds", default=5, show_default=True, help="How long each measurement takes.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Compare this server with others under the same load in one run (alone: `compare`), or with itself."""
    _check_machine()
    if context.invoked_subcommand is None:
        context.invoke(compare)


@bench.command()
@click.option("--kind", type=click.Choice(KINDS), default="event", show_default=True, help="What is sent.")
@rounds_option
@seconds_option
@click.option("--connections", default=32, show_default=True, help="Connections of the load, all busy.")
@click.option("--teams", default=1000, show_default=True, help="Workspaces that have installed the app.")
@click.option("--peer", "chosen", multiple=True, metavar="NAME", help="Only these beside the floor; may be repeated.")
@json_option
def compare(
    *, kind: str, rounds: int, seconds: int, connections: int, teams: int, chosen: tuple[str, ...], as_json: bool
) -> None:
    """Compare with others, as fast as each answers."""
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
        progress.print(f"answered with errors: {', '.join(sorted(failed))}")
        sys.exit(1)


@bench.command()
@rounds_option
@seconds_option
@json_option
def half(*, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure how soon events are acknowledged at half of what the server can take."""
    _show(conditions.half_load(rounds, seconds), as_json)


@bench.command()
@rounds_option
@seconds_option
@click.option("--few", default=1_000, show_default=True)
@click.option("--many", default=1_000_000, show_default=True)
@json_option
def remembered(*, rounds: int, seconds: int, few: int, many: int, as_json: bool) -> None:
    """Compare a server that remembers few events with one that remembers many."""
    _show(conditions.remembered_ids(rounds, seconds, few, many), as_json)


@bench.command()
@rounds_option
@seconds_option
@json_option
def trouble(*, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure everybody's acknowledgements while three in a hundred workspaces' listeners sleep, raise or block."""
    _show(conditions.troubled(rounds, seconds), as_json)


@bench.command()
@click.option("--first", default=10_000, show_default=True, help="Events before memory is read for the first time.")
@click.option("--events", default=1_000_000, show_default=True, help="Events before it is read for the last time.")
@json_option
def memory(*, first: int, events: int, as_json: bool) -> None:
    """Compare the server's memory after a few events with that after many."""
    _show(conditions.memory(first, events), as_json)


@bench.command("rotate")
@click.option("--installs", default=100_000, show_default=True, help="Installations in the store, three records each.")
@click.option("--rounds", default=3, show_default=True, help="How often all is rotated; the median counts.")
@json_option
def rotate_keys(*, installs: int, rounds: int, as_json: bool) -> None:
    """Rotate the keys of many installations beside a server that takes events at half of what it can."""
    _show(rotation.beside_events(installs, rounds), as_json)


@bench.command("soak")
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--rate", default=800.0, show_default=True, help="Requests a second, about.")
@json_option
def soak_command(*, minutes: float, rate: float, as_json: bool) -> None:
    """Watch what grows while the server hears everything that Slack and strangers send."""
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
        click.echo(f"{name.replace('_', ' '):40} {value:,.3f}")


def _check_machine() -> None:
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise click.ClickException(f"{tool} is missing: apt-get install wrk util-linux")
    if len(os.sched_getaffinity(0)) < 2:
        raise click.ClickException("two CPUs are needed, one for the server and one for the load")


if __name__ == "__main__":
    bench(prog_name="latchkey bench")
