"""Edits of lines in a copy of an app, which are counted."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    file: str
    replacements: tuple[tuple[str, str], ...]
    """Each replaces a part of one line; a line that becomes empty is removed."""


def edited_copy(source: Path, edits: Sequence[Edit], target: Path) -> int:
    """Copy the app, edit the copy, and return how many lines have changed. Raises ValueError if a line is missing."""
    shutil.copytree(source, target)
    changed = 0
    for edit in edits:
        path = target / edit.file
        lines = path.read_text().splitlines()
        for old, new in edit.replacements:
            places = [index for index, line in enumerate(lines) if old in line]
            if len(places) != 1:
                raise ValueError(f"{path} has {len(places)} lines with {old!r}")
            lines[places[0]] = lines[places[0]].replace(old, new)
            changed += 1
        path.write_text("\n".join(lines))
    return changed
