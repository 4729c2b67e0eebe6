"""Options that several commands have, their types, and the group that commands such as `keys` are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="configuration file (default: $LATCHKEY_CONFIG or ./config.toml)",
)
json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON document")
yes_option = click.option("--yes", is_flag=True, help="do not ask for confirmation")


DEFAULT_LIMIT = 100
"""Rows that a command lists if `--limit` is not given."""

T = TypeVar("T")
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)


def limit_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option `--limit` of a command that lists `what`, a plural."""
    text = f"maximum number of {what} to list"
    return click.option("--limit", type=Number(1), metavar="N", default=DEFAULT_LIMIT, show_default=True, help=text)


def first(limit: int, items: Iterable[T]) -> tuple[list[T], bool]:
    """Return the first `limit` items, and whether there are more."""
    found = list(islice(items, limit + 1))
    return found[:limit], len(found) > limit


class Number(click.ParamType[int]):
    """A whole number from `least` to `most`, both included; `most` None: without an upper limit."""

    name = "number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = None
        if number is None or number < self._least or (self._most is not None and number > self._most):
            limits = f"{self._least} or more" if self._most is None else f"from {self._least} to {self._most}"
            self.fail(f"expected a whole number, {limits}, not {value!r}", param, ctx)
        return number


class Time(click.ParamType[int]):
    """A time such as 30m, 12h or 7d, converted to seconds."""

    name = "time"

    def __init__(self, most_days: int) -> None:
        self._most_days = most_days

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _TIME.fullmatch(str(value))
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not 0 < seconds <= self._most_days * _UNITS["d"]:
            limit = f"at most {self._most_days} days"
            self.fail(f"expected a time of {limit}, such as 30m, 12h or 7d, not {value!r}", param, ctx)
        return seconds


class Word(click.Choice[str]):
    """One of a few words; if it is another, the closest one is suggested."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            close = get_close_matches(str(value).lower(), self.choices, 1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            self.fail(f"expected {_either(self.choices)}, not {value!r}{meant}", param, ctx)
        return str(value)


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


class CommandGroup(click.Group):
    """A group whose help shows the first paragraph of each command in full."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, (command.help or "").partition("\n\n")[0]) for name, command in self.commands.items()]
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])
