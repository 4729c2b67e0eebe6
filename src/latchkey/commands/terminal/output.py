"""Prints results as JSON, and values and other lines for people."""

from __future__ import annotations

import time

import click
import msgspec


def encode_json(document: object) -> bytes:
    """Return an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def print_json(document: object) -> None:
    """Print a JSON document in UTF-8, whatever the terminal's encoding is."""
    click.echo(encode_json(document))


def say(text: str) -> None:
    """Print a line that is not part of the result, on stderr."""
    click.echo(text, err=True)


def utc(seconds: float) -> str:
    """Return Unix seconds as a date and time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def duration(seconds: float) -> str:
    """Return a duration in its largest fitting unit: 42 s, 7 min, 3 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
