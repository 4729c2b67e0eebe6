"""Reads the secrets: from systemd's credentials, then NAME_FILE, then the environment, then the folder `secrets`.

Invariant: a secret leaves this module only inside a `Secret`, which shows nothing in a
log line, in a traceback's locals or when serialised.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from latchkey.config.values import QUOTED, is_quoted
from latchkey.errors import Fault

FOLDER = "secrets"
"""The folder beside config.toml for the credentials that `latchkey setup` stores."""
MAX_SECRET_FILE = 1 << 14
"""Maximum size in bytes; Slack's secrets are 32 characters each."""


class Secret:
    """A string that is hidden everywhere except in `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


class Secrets(NamedTuple):
    """The secrets that were found."""

    client: Secret | None
    signing: tuple[Secret, ...]
    """In the listed order."""
    files: tuple[Path, ...]
    """The files that they come from."""


def read_secrets(environ: Mapping[str, str], folder: Path, origins: dict[str, str], faults: list[Fault]) -> Secrets:
    """Return the secrets. Adds what cannot be read to `faults` and the source of each secret to `origins`.

    `folder` is the one that `latchkey setup` writes them to.
    """
    files: list[Path] = []
    client, signing = (
        _lines(name, _find(name, environ, folder), files, origins, faults)
        for name in ("client_secret", "signing_secret")
    )
    if len(client) > 1:
        faults.append(Fault(origins["slack.client_secret"], "expected a single line", "slack.client_secret"))
    return Secrets(client[0] if client else None, tuple(signing), tuple(files))


def read_client_id(folder: Path, origins: dict[str, str], faults: list[Fault]) -> str:
    """Return the client ID that `latchkey setup` has written to this folder; empty if there is none."""
    path = folder / "client_id"
    lines = _lines("client_id", _in_folder(path), [], origins, faults)
    return lines[0].reveal() if lines else ""


def _lines(
    name: str,
    found: tuple[str, Path | str] | None,
    files: list[Path],
    origins: dict[str, str],
    faults: list[Fault],
) -> list[Secret]:
    if found is None:
        return []
    origin, source = found
    setting = f"slack.{name}"
    origins[setting] = origin
    if isinstance(source, Path):
        files.append(source)
    try:
        text = _read(source) if isinstance(source, Path) else source
    except OSError as error:
        faults.append(Fault(origin, f"{source}: {error.strerror}", setting))
        return []
    except ValueError:
        faults.append(Fault(origin, f"{source}: expected a short text file", setting))
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    problem = _problem(lines)
    if problem:
        faults.append(Fault(origin, f"{source}: {problem}" if isinstance(source, Path) else problem, setting))
        return []
    return [Secret(line) for line in lines]


def _problem(lines: list[str]) -> str:
    if not lines:
        return "is empty"
    if any(is_quoted(line) for line in lines):
        return QUOTED
    if any(not line.isascii() or not line.isprintable() or " " in line for line in lines):
        return "expected one secret per line, in printable ASCII"
    return ""


def _find(name: str, environ: Mapping[str, str], folder: Path) -> tuple[str, Path | str] | None:
    variable = f"SLACK_{name.upper()}"
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / name).exists():
        return f"credential {name}", Path(credentials) / name
    if environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE", Path(environ[f"{variable}_FILE"])
    if environ.get(variable):
        return variable, environ[variable]
    return _in_folder(folder / name)


def _in_folder(path: Path) -> tuple[str, Path] | None:
    """Return this file and how messages name it; None if it does not exist, or this user may not look for it."""
    try:
        exists = path.exists()
    except PermissionError:
        return None
    return (f"{path.parent.name}/{path.name}", path) if exists else None


def _read(path: Path) -> str:
    with open(path, "rb") as file:
        content = file.read(MAX_SECRET_FILE + 1)
    if len(content) > MAX_SECRET_FILE:
        raise ValueError
    # Some editors begin UTF-8 text with a byte order mark.
    return content.removeprefix(codecs.BOM_UTF8).decode("ascii")
