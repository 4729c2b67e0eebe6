"""Prints tables: drawn on a terminal, elsewhere one line per row with tabs between the fields."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal; elsewhere one line per row, without headings."""
    texts = [[_as_text(value) for value in row] for row in rows]
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


def _as_text(value: object) -> str:
    """Return a value as text on one line, without tabs or control characters."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
