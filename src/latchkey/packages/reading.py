"""Reads an app's requirement files, which are in pip's format.

Only what Latchkey has to know is parsed: names, versions and included files. Other lines (options, URLs, paths) go to
pip as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from latchkey.errors import PackagesError

MAX_FILE_BYTES = 1_000_000
_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?<=^-[rc]))(?P<name>.+)$")
_OPTIONS_OF_A_LINE = re.compile(r"\s--[a-z].*$")
_FOR_PIP = re.compile(r"^\S*(://|\$\{)")
"""A URL, or a variable of the environment."""


class Line(NamedTuple):
    """One requirement or option."""

    file: Path
    number: int
    text: str
    """As pip reads it, without a comment."""
    requirement: Requirement | None
    """None for options, URLs and paths."""

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.number}"


@dataclass
class Requirements:
    """One requirement file with the files that it includes."""

    path: Path
    files: dict[Path, bytes] = field(default_factory=dict)
    """The content of the file, and of those that it includes."""
    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)
    """From files included with `-c`."""


def read_requirements(path: Path) -> Requirements:
    """Read the file and those that it includes; raises PackagesError."""
    found = Requirements(path)
    _read(path, found, found.lines)
    return found


def _read(path: Path, found: Requirements, lines: list[Line]) -> None:
    if path in found.files:
        return
    content = _content(path)
    found.files[path] = content
    for number, text in _logical_lines(path, content):
        include = _INCLUDE.match(text)
        if include is None:
            lines.append(Line(path, number, text, _parse(found.path.parent, path, number, text)))
            continue
        name = include["name"].strip("\"'")
        where = f"{path}, line {number}"
        if "://" in name:
            raise PackagesError(f"{where}: includes a URL", hint="include a local file")
        included = path.parent / name
        if not included.is_file():
            raise PackagesError(f"{where}: includes {name}, and there is no such file", hint="correct the line")
        _read(included, found, found.constraints if text.startswith(("-c", "--c")) else lines)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PackagesError(f"{path}: {error.strerror}", hint="make the file readable") from error
    if len(content) > MAX_FILE_BYTES:
        raise PackagesError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB")
    return content


def _logical_lines(path: Path, content: bytes) -> Iterator[tuple[int, str]]:
    """Yield each line that is not empty, with its number; a backslash at the end continues a line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PackagesError(f"{path} is not UTF-8", hint="save it as UTF-8") from error
    first, joined = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            first, joined = first or number, joined + line[:-1]
            continue
        whole = _COMMENT.sub("", joined + line).strip()
        if whole:
            yield first or number, whole
        first, joined = 0, ""


def _parse(base: Path, path: Path, number: int, text: str) -> Requirement | None:
    if text.startswith("-"):
        return None
    plain = _OPTIONS_OF_A_LINE.sub("", text)
    try:
        return Requirement(plain)
    except InvalidRequirement:
        local = plain.partition(";")[0].partition("[")[0].strip()
        if _FOR_PIP.match(plain) or (base / local).exists():
            return None
        shown = "" if "@" in plain or "://" in plain else f": {plain[:80]!r}"  # a URL may contain a password
        raise PackagesError(
            f"{path}, line {number}: neither a requirement nor a file here{shown}",
            hint="write name, name==1.2, name>=1.2,<2, or the path of a package",
        ) from None
