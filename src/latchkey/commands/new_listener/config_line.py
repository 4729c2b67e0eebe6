"""Changes the list of listener modules in config.toml, and nothing else in that file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LIST = re.compile(r"^(\s*modules\s*=\s*\[)([^\[\]#\n]*)(\].*)$")
_SECTION = re.compile(r"^\s*\[([^\[\]]+)\]")


def add_module(config: Path, modules: Sequence[str]) -> bool:
    """Add the last of these modules to the list, which has the others; returns whether that was possible.

    It is possible if the list is on one line.
    """
    try:
        before = config.read_text(encoding="utf-8")
        after = _with(before, modules[-1])
        expected = tomllib.loads(before)
        expected["listeners"]["modules"] = list(modules)
        if tomllib.loads(after) != expected:
            return False
        _replace(config, after)
    except (OSError, KeyError, TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return True


def _with(text: str, module: str) -> str:
    section: Any = None
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if found := _SECTION.match(line):
            section = found[1].strip()
        elif section == "listeners" and (found := _LIST.match(line.rstrip("\n"))):
            items = found[2].strip().rstrip(",")
            lines[number] = f'{found[1]}{items}{", " if items else ""}"{module}"{found[3]}\n'
    return "".join(lines)


def _replace(config: Path, text: str) -> None:
    """Write the file anew, with its mode, so that no reader sees half of it."""
    temporary = config.with_name(f".{config.name}.new")
    mode = config.stat().st_mode & 0o777
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(config)
