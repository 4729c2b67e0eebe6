"""Prints tables and lists of values. Invariant: a value is never cut or broken, so that it can be copied.

Elsewhere than on a terminal, fields are separated by tabs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence

import click

_GAP = "  "


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print one line per row below a line of headings, or one line per value if a row does not fit on the terminal."""
    texts = [[as_text(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headings), *texts]:
            click.echo("\t".join(row))
    elif texts:
        _print_aligned(headings, texts)


def print_values(values: Iterable[tuple[str, object]]) -> None:
    """Print one line per value, after its name."""
    texts = [(name, as_text(value)) for name, value in values]
    if sys.stdout.isatty():
        _print_names_and_values(texts)
        return
    for name, text in texts:
        click.echo(f"{name}\t{text}")


def print_gap() -> None:
    """Print an empty line on a terminal, between two tables."""
    if sys.stdout.isatty():
        click.echo()


def _print_aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len  # imported only on a terminal

    widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
    if sum(widths) + len(_GAP) * (len(widths) - 1) > shutil.get_terminal_size().columns:
        for number, row in enumerate(rows):
            if number:
                click.echo()
            _print_names_and_values([(name, text) for name, text in zip(headings, row, strict=True) if text])
        return
    for row, is_heading in [(headings, True), *((row, False) for row in rows)]:
        cells = [text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        click.secho(_GAP.join(cells).rstrip(), bold=is_heading)


def _print_names_and_values(pairs: Sequence[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        click.echo(f"{click.style(name, bold=True)}{' ' * (width - len(name))}{_GAP}{text}".rstrip())


def as_text(value: object) -> str:
    """Return a value as text on one line, without tabs or control characters."""
    if isinstance(value, list):
        text = ",".join(map(str, value))
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
