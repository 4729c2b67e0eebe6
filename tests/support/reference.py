"""Writes the reference of commands and settings from the code itself: `python -m tests.support.reference > docs/reference.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from latchkey.cli.main import cli
from latchkey.config import SECTIONS

ROOT = Path(__file__).resolve().parent.parent.parent


def reference() -> str:
    """Return the whole document."""
    return "\n".join(
        [
            "# Commands and settings",
            "",
            "Made from the code by `python -m tests.support.reference`; a test holds the two together.",
            "",
            "## Commands",
            "",
            *_commands(cli, "latchkey"),
            "## Settings",
            "",
            "A value is taken from the command line, else from the environment, else from `config.toml`, else it is the default.",
            "",
            *_settings(),
        ]
    )


def _commands(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, f"{path} {name}")
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"### `{path}`", "", f"`{path} {usage}`", "", _paragraphs(command.help or ""), "")
    options = [record for item in command.get_params(context) if (record := item.get_help_record(context))]
    if options:
        yield from ("| option | |", "| --- | --- |")
        yield from (f"| `{_cell(names)}` | {_cell(text)} |" for names, text in options)
        yield ""


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _settings() -> Iterator[str]:
    comments = _comments()
    for section, kind in SECTIONS.items():
        yield from (f"### `[{section}]`", "", "| key | default | environment | |", "| --- | --- | --- | --- |")
        for key in kind.__struct_fields__:
            default, comment = comments[f"{section}.{key}"]
            variable = f"LATCHKEY_{section}_{key}".upper()
            yield f"| `{key}` | `{_cell(default)}` | `{variable}` | {_cell(comment)} |"
        yield ""


def _comments() -> dict[str, tuple[str, str]]:
    """Return what config.toml says of each key: its default as it stands there, and the comment above it."""
    found: dict[str, tuple[str, str]] = {}
    section, is_new = "", True
    comment: list[str] = []
    for line in (ROOT / "config.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            # Two keys in a row share the comment above them.
            comment = [*([] if is_new else comment), line.lstrip("# ")]
            is_new = False
        elif heading := re.fullmatch(r"\[(\w+)\]", line):
            section, is_new = heading[1], True
        elif setting := re.fullmatch(r"(\w+) = (.+)", line):
            found[f"{section}.{setting[1]}"] = setting[2], " ".join(comment)
            is_new = True
    return found


if __name__ == "__main__":
    print(reference())
