"""Says why packages could not be installed: which package, in which version, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from latchkey.errors import PackagesError
from latchkey.packages.comparing import Difference
from latchkey.packages.locks import Locks

_NO_CONNECTION = (
    "Failed to establish a new connection",
    "Failed to resolve",
    "Cannot connect to proxy",
    "Read timed out",
)
_DEPENDS = re.compile(r"^ {4}(?P<package>\S+ \S+) depends on (?P<name>[A-Za-z0-9._-]+)(?P<wanted>.*)$", re.MULTILINE)
_NOT_FOUND = re.compile(
    r"Could not find a version that satisfies the requirement (?P<wanted>.+?)"
    r"(?: \(from (?!versions)[^)]*\))? \(from versions: (?P<versions>[^)]*)\)"
)
_ERROR = re.compile(r"^ *error:", re.MULTILINE | re.IGNORECASE)
_MAX_VERSIONS = 5


def conflict_error(conflicts: Sequence[Difference]) -> PackagesError:
    """Return the error that names each requirement that the locked version does not meet."""
    named = [
        f"{line.where}: wants {wanted}, but Latchkey is locked to {canonicalize_name(line.requirement.name)} {version}"
        for line, wanted, version in conflicts
        if line.requirement is not None
    ]
    return PackagesError(
        "\n".join(named), hint="change the line so that the locked version meets it, or remove the line"
    )


def pip_error(output: str, log: str, path: Path, locks: Locks) -> PackagesError:
    """Return the error for pip's output and detailed log; `path` is the requirement file."""
    locked = {**locks.tests, **locks.server}
    depends = [
        f"{found['package']} wants {found['name']}{found['wanted']}, but Latchkey is locked to {name} {locked[name]}"
        for found in _DEPENDS.finditer(output)
        if (name := canonicalize_name(found["name"])) in locked
    ]
    if depends:
        lines = "\n".join(f"{path}: {line}" for line in dict.fromkeys(depends))
        return PackagesError(lines, hint="name another version of the package that wants it, or remove it")
    not_found = _NOT_FOUND.search(output)
    if not_found and not_found["versions"] == "none":
        return _not_fetched(not_found["wanted"], path, offline=any(part in log for part in _NO_CONNECTION))
    if not_found:
        versions = not_found["versions"].split(", ")[-_MAX_VERSIONS:]
        return PackagesError(
            f"{path}: there is no {not_found['wanted']} for this Python; the latest are {', '.join(versions)}",
            hint="name a version that exists",
        )
    return PackagesError(f"could not install the packages of {path}; pip's output is above", output=_errors(output))


def _errors(output: str) -> str:
    """Return the part of pip's output that begins with its first error."""
    first = _ERROR.search(output)
    return output[first.start() if first else 0 :].rstrip()


def _not_fetched(wanted: str, path: Path, *, offline: bool) -> PackagesError:
    if offline:
        return PackagesError(
            f"{path}: {wanted} could not be fetched; the package index does not answer",
            hint="check the network, or name another index with PIP_INDEX_URL or a proxy with HTTPS_PROXY",
        )
    return PackagesError(
        f"{path}: {wanted} could not be fetched; the package index does not have it",
        hint="check its name, or name the index that has it with PIP_INDEX_URL",
    )
