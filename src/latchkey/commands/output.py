"""Common options and output of all commands.

Results go to stdout, everything else to stderr. `--json` prints one JSON document on
stdout and nothing else. A table is drawn on a terminal; elsewhere it is one line per
row with tabs between the fields.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from latchkey.errors import EXIT_FAILED as EXIT_FAILED  # noqa: PLC0414  # re-exported for the commands

EXIT_UNCONFIRMED = 3

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="config.toml to use (default: $LATCHKEY_CONFIG, else the one in this folder)",
)
json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON document")
yes_option = click.option("--yes", is_flag=True, help="do not ask for confirmation")


class CommandGroup(click.Group):
    """A group whose help shows the first paragraph of each command in full."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, (command.help or "").partition("\n\n")[0]) for name, command in self.commands.items()]
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])


def encode_json(document: object) -> bytes:
    """Return an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def print_json(document: object) -> None:
    click.echo(encode_json(document).decode())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal; elsewhere one line per row, without headings."""
    texts = [[as_text(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in texts:
            click.echo("\t".join(row))
        return
    from rich.console import Console  # imported only on a terminal
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False, header_style="bold", show_header=any(headings))
    for row in texts:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def as_text(value: object) -> str:
    """Return a value as text on one line, without tabs or control characters."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def utc(seconds: float) -> str:
    """Return Unix seconds as a date and time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def duration(seconds: float) -> str:
    """Return a duration in its largest fitting unit: 42 s, 7 min, 3 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def say(text: str) -> None:
    """Print a line that is not part of the result, on stderr."""
    click.echo(text, err=True)


def confirm_by_typing(question: str, word: str, *, yes: bool) -> None:
    """Like `confirm`, for actions that cannot be undone: the operator must type `word`."""
    if yes or not sys.stdin.isatty():
        confirm(question, yes=yes)
    elif click.prompt(f"{question} Type {word} to confirm", default="", show_default=False, err=True) != word:
        say("latchkey: aborted")
        sys.exit(EXIT_UNCONFIRMED)


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees; otherwise end the command with EXIT_UNCONFIRMED."""
    if yes:
        return
    if not sys.stdin.isatty():
        say(f"latchkey: {question} Aborted: not a terminal, so it cannot be confirmed.")
        say("hint: add --yes")
        sys.exit(EXIT_UNCONFIRMED)
    if not click.confirm(question, err=True):
        say("latchkey: aborted")
        sys.exit(EXIT_UNCONFIRMED)
