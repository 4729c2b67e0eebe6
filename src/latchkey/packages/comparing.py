"""Compares an app's requirements with Latchkey's locked versions and with what is installed.

Latchkey is tested with its locked versions, so an app cannot change them. A pin such as `slack-sdk==3.41.0` only
records what its author had installed; if Latchkey has another version with the same first number, that one is used. Any
other requirement that the locked version does not meet is a conflict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from latchkey.packages.locks import Locks
from latchkey.packages.reading import Line, Requirements


class Difference(NamedTuple):
    """A requirement that is not met, and the version that is there instead."""

    line: Line
    wanted: str
    """The requirement as it is written, without options."""
    version: Version | None
    """Locked or installed; None if the package is not installed."""


@dataclass
class Comparison:
    """Which requirements pip has to install, and which are not met."""

    for_pip: list[tuple[str, Line]] = field(default_factory=list)
    """What pip has to install, without what Latchkey locks; each with the line that names it."""
    constraints: list[str] = field(default_factory=list)
    replaced: list[Difference] = field(default_factory=list)
    """Pins for which Latchkey's locked version is used."""
    conflicts: list[Difference] = field(default_factory=list)
    missing: list[Difference] = field(default_factory=list)
    """Packages that are not installed, or in another version."""


def compare(requirements: Requirements, locks: Locks, path: Sequence[str] | None = None) -> Comparison:
    """Compare the requirements with the locks, and with the packages in the folders of `path` (default: sys.path)."""
    result = Comparison()
    for line in requirements.lines:
        text = _for_pip(line, locks, result)
        if text is None:
            continue
        result.for_pip.append((text, line))
        if line.requirement is not None:
            result.missing += _missing(line, line.requirement, path)
    for line in requirements.constraints:
        text = _for_pip(line, locks, result)
        if text is not None:
            result.constraints.append(text)
    return result


def installed_version(name: str, path: Iterable[str] | None = None) -> Version | None:
    """Return the installed version of a package, or None."""
    for found in metadata.distributions(name=name, path=list(sys.path if path is None else path)):
        try:
            return Version(found.version)
        except (InvalidVersion, TypeError):  # left by an interrupted installation
            continue
    return None


def _for_pip(line: Line, locks: Locks, result: Comparison) -> str | None:
    """Return the line for pip, or None if pip has nothing to do; notes what the lock does not meet."""
    wanted = line.requirement
    if wanted is None:
        return line.text
    if wanted.marker is not None and not wanted.marker.evaluate():
        return None
    name = canonicalize_name(wanted.name)
    locked = locks.server.get(name) or locks.tests.get(name)
    if locked is None:
        return line.text
    if wanted.url or not wanted.specifier.contains(locked, prereleases=True):
        is_ours = _is_pin(wanted) and (name not in locks.server or _major(wanted) == locked.release[0])
        (result.replaced if is_ours else result.conflicts).append(Difference(line, _plain(wanted), locked))
    return f"{name}[{','.join(sorted(wanted.extras))}]" if wanted.extras else None


def _missing(line: Line, wanted: Requirement, path: Sequence[str] | None) -> list[Difference]:
    version = installed_version(wanted.name, path)
    if version is not None and wanted.specifier.contains(version, prereleases=True):
        return []
    return [Difference(line, _plain(wanted), version)]


def _is_pin(wanted: Requirement) -> bool:
    """Whether it names exactly one version."""
    return len(wanted.specifier) == 1 and all(
        each.operator in ("==", "===") and not each.version.endswith(".*") for each in wanted.specifier
    )


def _major(wanted: Requirement) -> int | None:
    (pin,) = wanted.specifier
    try:
        return Version(pin.version).release[0]
    except InvalidVersion:  # `===` compares any text
        return None


def _plain(wanted: Requirement) -> str:
    """Return the requirement without a URL, which may contain a password, and without its marker."""
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}{' from a URL' if wanted.url else wanted.specifier}"
