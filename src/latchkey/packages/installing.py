"""Installs what an app's requirements.txt names into Latchkey's virtual environment, on top of the locked packages.

Invariant: pip gets the locked versions as constraints. `PIP_LOG` exists in the environment while pip may be changing
it; if that is interrupted, the launcher makes the environment anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from latchkey.errors import PackagesError
from latchkey.packages.comparing import Comparison, compare, installed_version
from latchkey.packages.failures import conflict_error, pip_error
from latchkey.packages.locks import Locks
from latchkey.packages.reading import Requirements, read_requirements

STAMP = ".installed-app"
"""Contains a checksum of what was installed. The launcher removes it whenever it installs the locked packages."""
PIP_LOG = "pip.log"
INSTALLING = "Installing collected packages"
"""pip logs this before it changes the first file."""
_LOCAL = re.compile(r"^(?:-e|--editable)?[\s=]*(?P<path>[^\[;]+)")
_BUILD_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


class Installation(NamedTuple):
    """Where to install: a virtual environment, its Python, and the folders that it imports from."""

    environment: Path
    lock_file: Path
    """Locked during an installation, as the launcher does."""
    python: Path = Path(sys.executable)
    path: Sequence[str] | None = None
    """None: those of this process."""


def install(files: Sequence[Path], locks: Locks, where: Installation, say: Callable[[str], None]) -> None:
    """Install what the files name, if they or the locks have changed or something is missing. Raises PackagesError.

    `say` is called with lines for the operator.
    """
    read = [read_requirements(path) for path in files]
    compared = [compare(each, locks, where.path) for each in read]
    conflicts = [conflict for each in compared for conflict in each.conflicts]
    if conflicts:
        raise conflict_error(conflicts)
    stamp = where.environment / STAMP
    checksum = _checksum(read, locks)
    if _is_installed(stamp, checksum, compared):
        return
    with _locked(where.lock_file) as lock:
        compared = [compare(each, locks, where.path) for each in read]
        if _is_installed(stamp, checksum, compared):  # by another process, meanwhile
            return
        stamp.unlink(missing_ok=True)
        for requirements, each in zip(read, compared, strict=True):
            for line, wanted, version in each.replaced:
                say(f"{wanted} ({line.where}): Latchkey's own version {version} is used")
            if each.for_pip:
                say(f"installing the app's packages into .venv, from {requirements.path}")
                _install(requirements, each, locks, where, lock)
        _check(read, locks, where)
        stamp.write_text(checksum)


def _is_installed(stamp: Path, checksum: str, compared: Sequence[Comparison]) -> bool:
    if any(each.missing for each in compared):
        return False
    try:
        return stamp.read_text() == checksum
    except FileNotFoundError:
        return False


def _checksum(read: Sequence[Requirements], locks: Locks) -> str:
    """Return a checksum of all that an installation depends on."""
    result = hashlib.sha256(locks.constraints.encode())
    for requirements in read:
        for path, content in {**requirements.files, **_local_files(requirements)}.items():
            result.update(f"\n{path} {len(content)}\n".encode() + content)
    return result.hexdigest()


def _local_files(requirements: Requirements) -> dict[Path, bytes]:
    """Return the content of archives that a file names, and of the files that describe local projects."""
    found = {}
    for line in requirements.lines:
        named = _LOCAL.match(line.text)
        if line.requirement is not None or named is None:
            continue
        path = requirements.path.parent / named["path"].strip("\"' ")
        for file in [path, *(path / name for name in _BUILD_FILES)]:
            if file.is_file():
                found[file] = file.read_bytes()
    return found


def _install(requirements: Requirements, compared: Comparison, locks: Locks, where: Installation, lock: int) -> None:
    """Run pip. It inherits the descriptor `lock`, and so keeps the lock if only this process is killed."""
    log = where.environment / PIP_LOG
    with tempfile.TemporaryDirectory(prefix="latchkey-") as name:
        lines, constraints = Path(name, "requirements.txt"), Path(name, "constraints.txt")
        lines.write_text("".join(f"{text}\n" for text, _ in compared.for_pip), encoding="utf-8")
        constraints.write_text(locks.constraints + "\n".join([*compared.constraints, ""]), encoding="utf-8")
        command = [sys.executable, "-I", "-m", "pip"]
        if where.python != Path(sys.executable):
            command += ["--python", str(where.python)]
        command += ["install", "--progress-bar", "off", "--disable-pip-version-check", "--log", str(log)]
        command += ["--constraint", str(constraints), "--requirement", str(lines)]
        log.unlink(missing_ok=True)
        try:
            # The files' relative paths begin in their folder. -I keeps modules that are there out of pip.
            done = subprocess.run(  # noqa: S603  # no shell
                command,
                cwd=requirements.path.parent,
                env={"PIP_RETRIES": "2", **os.environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                pass_fds=[lock],
            )
        finally:
            logged = log.read_text(errors="replace") if log.exists() else ""
            if INSTALLING not in logged:
                log.unlink(missing_ok=True)  # nothing was changed
    if done.returncode != 0:
        output = _with_own_lines(done.stdout, lines, compared)
        raise pip_error(output, logged, requirements.path, locks)
    log.unlink(missing_ok=True)
    importlib.invalidate_caches()


def _with_own_lines(output: str, given: Path, compared: Comparison) -> str:
    """Return pip's output with the lines of the app's files in place of those of the file that pip was given."""

    def own(found: re.Match[str]) -> str:
        number = int(found["before"] or found["after"])
        return compared.for_pip[number - 1][1].where if number <= len(compared.for_pip) else found[0]

    name = re.escape(str(given))
    return re.sub(rf"(?:-r )?{name} \(line (?P<after>\d+)\)|line (?P<before>\d+) of {name}", own, output)


def _check(read: Sequence[Requirements], locks: Locks, where: Installation) -> None:
    """Raise PackagesError if a locked package was replaced, or if two files need different versions of one."""
    for name, locked in locks.server.items():
        version = installed_version(name, where.path)
        if version is not None and (version != locked or _is_from_elsewhere(name, where)):
            (where.environment / PIP_LOG).write_text(INSTALLING)
            raise PackagesError(
                f"{read[-1].path} has replaced {name}, which Latchkey is locked to in version {locked}",
                hint=f"remove the URL or path that contains {name}; the next start installs Latchkey's packages again",
            )
    for requirements in read:
        for line, wanted, version in compare(requirements, locks, where.path).missing:
            raise PackagesError(
                f"{line.where}: {wanted} was not installed; {version or 'no version'} is there",
                hint="make the requirement files agree with each other",
            )


def _is_from_elsewhere(name: str, where: Installation) -> bool:
    """Whether a package was installed from a URL or a path. Latchkey itself is."""
    found = metadata.distributions(name=name, path=list(sys.path if where.path is None else where.path))
    return canonicalize_name(name) != "latchkey" and any(each.read_text("direct_url.json") for each in found)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold the launcher's lock; yields its descriptor."""
    try:
        file = path.open("a")
    except OSError as error:
        raise PackagesError(
            f"cannot write to {path.parent}, where the app's packages must be installed",
            hint="run it as the owner of that folder",
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
