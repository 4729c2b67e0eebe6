"""Checkouts of other projects, which lie in the folder given with --outside as OWNER/NAME. None of it is copied here."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Checkout:
    repository: str
    path: Path

    @property
    def commit(self) -> str:
        """The commit that is checked out, shortened, and its tag if it has one."""
        commit = self._git("rev-parse", "--short=10", "HEAD")
        tag = self._git("tag", "--points-at", "HEAD").partition("\n")[0]
        return f"{commit} ({tag})" if tag else commit

    def __str__(self) -> str:
        return f"{self.repository} at {self.commit}"

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def find_checkout(folder: Path, repository: str) -> Checkout:
    """Return the checkout of a repository. Raises FileNotFoundError if it is not in the folder."""
    path = folder / repository
    if not (path / ".git").exists():
        raise FileNotFoundError(f"clone {repository} to {path}")
    return Checkout(repository, path)


def packages(config: pytest.Config) -> Path:
    """Return the folder of the packages that the apps need: `pip install --target FOLDER/packages`."""
    return Path(config.getoption("--outside")) / "packages"
