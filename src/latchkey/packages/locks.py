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
OF_POSTGRESQL = ("requirements-postgresql.txt",)
OF_THE_TESTS = (*OF_POSTGRESQL, "requirements-dev.txt", "requirements-browser.txt")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@dataclass(frozen=True)
class Locks:
    """The locked packages: versions by normalized name."""

    server: dict[str, Version] = field(default_factory=dict)
    """What the server needs, also for a store in PostgreSQL if that is installed, and Latchkey itself."""
    tests: dict[str, Version] = field(default_factory=dict)
    """What only Latchkey's tests need; empty if they are not installed."""

    @property
    def constraints(self) -> str:
        """The content of a constraints file for pip, which then changes none of these packages."""
        return "".join(f"{name}=={version}\n" for name, version in {**self.tests, **self.server}.items())


def read_locks(checkout: Path | None, environment: Path) -> Locks:
    """Return the locks of a checkout for what the launcher has installed into this virtual environment.

    Without a checkout, nothing is locked.
    """
    if checkout is None:
        return Locks()
    with_tests = _is_installed(environment, "test", "browser")
    with_postgresql = _is_installed(environment, "postgresql")
    server = _read(checkout / name for name in (*OF_THE_SERVER, *(OF_POSTGRESQL if with_postgresql else ())))
    server["latchkey"] = Version(__version__)
    return Locks(server, _read(checkout / name for name in OF_THE_TESTS) if with_tests else {})


def _is_installed(environment: Path, *purposes: str) -> bool:
    """Whether the launcher has installed the requirements of one of these purposes."""
    return any((environment / f".installed-{purpose}").exists() for purpose in purposes)


def _read(paths: Iterable[Path]) -> dict[str, Version]:
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(found[1]): Version(found[2]) for line in lines if (found := _PINNED.match(line))}
