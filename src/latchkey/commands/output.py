"""What all commands share: their common options, and how they speak.

Rules of output: results go to stdout, everything else to stderr; `--json` means
one JSON document on stdout and nothing else; on a terminal a table is drawn,
elsewhere it is lines of fields with tabs between. A secret is never shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

EXIT_FAILED = 1
EXIT_UNCONFIRMED = 3

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="config.toml (default: the one in this folder)",
)
json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON document")
yes_option = click.option("--yes", is_flag=True, help="do not ask for confirmation")


def print_json(document: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows: as a table on a terminal, elsewhere without headings, a line a row."""
    texts = [[as_text(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in texts:
            click.echo("\t".join(row))
        return
    from rich.console import Console  # only where there is a terminal to draw on
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False, header_style="bold", show_header=any(headings))
    for row in texts:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def as_text(value: object) -> str:
    """Return a value as a person reads it; what it holds cannot begin a line or a column of its own."""
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
    """Return a time as people say it: 42 s, 7 min, 3 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def say(text: str) -> None:
    """Tell the person something that is no result."""
    click.echo(text, err=True)


def confirm_by_typing(question: str, word: str, *, yes: bool) -> None:
    """Like `confirm`, for what cannot be undone: the person agrees by typing `word`."""
    if yes or not sys.stdin.isatty():
        confirm(question, yes=yes)
    elif click.prompt(f"{question} Type {word} to confirm", default="", show_default=False, err=True) != word:
        say("latchkey: not done")
        sys.exit(EXIT_UNCONFIRMED)


def confirm(question: str, *, yes: bool) -> None:
    """Return where the person agrees; ends the command with EXIT_UNCONFIRMED where nobody does."""
    if yes:
        return
    if not sys.stdin.isatty():
        say(f"latchkey: {question} Not done: nobody is here to confirm it.")
        say("hint: add --yes")
        sys.exit(EXIT_UNCONFIRMED)
    if not click.confirm(question, err=True):
        say("latchkey: not done")
        sys.exit(EXIT_UNCONFIRMED)
