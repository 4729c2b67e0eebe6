"""Reads Latchkey's lock files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from latchkey import __version__

OF_THE_SERVER = ("requirements-build.txt", "requirements.txt")
OF_THE_TESTS = ("requirements-postgresql.txt", "requirements-dev.txt", "requirements-browser.txt")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@dataclass(frozen=True)
class Locks:
    """The locked packages: versions by normalized name."""

    server: dict[str, Version] = field(default_factory=dict)
    """What the server needs, and Latchkey itself."""
    tests: dict[str, Version] = field(default_factory=dict)
    """What only Latchkey's tests need; empty if they are not installed."""

    @property
    def constraints(self) -> str:
        """The content of a constraints file for pip, which then changes none of these packages."""
        return "".join(f"{name}=={version}\n" for name, version in {**self.tests, **self.server}.items())


def read_locks(checkout: Path | None, *, with_tests: bool) -> Locks:
    """Return the locks of a checkout; without one, nothing is locked."""
    if checkout is None:
        return Locks()
    server = _read(checkout / name for name in OF_THE_SERVER)
    server["latchkey"] = Version(__version__)
    return Locks(server, _read(checkout / name for name in OF_THE_TESTS) if with_tests else {})


def _read(paths: Iterable[Path]) -> dict[str, Version]:
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(found[1]): Version(found[2]) for line in lines if (found := _PINNED.match(line))}
