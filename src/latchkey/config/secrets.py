"""Reads the secrets: from systemd's credentials, then NAME_FILE, then the environment, then the folder `secrets`.

Invariant: a secret leaves this module only inside a `Secret`, which shows nothing in a
log line, in a traceback's locals or when serialised.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from latchkey.config.storage_url import storage_url_problem
from latchkey.config.values import QUOTED, is_quoted
from latchkey.errors import Fault

FOLDER = "secrets"
"""The folder beside config.toml for the credentials that `latchkey setup` stores."""
STORAGE_URL = "storage.url"
STORAGE_URL_VARIABLE = "LATCHKEY_STORAGE_URL"
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
    storage_url: Secret | None
    """The URL of the store's database, with or without a password."""
    files: tuple[Path, ...]
    """The files that they come from."""


def read_secrets(environ: Mapping[str, str], folder: Path, origins: dict[str, str], faults: list[Fault]) -> Secrets:
    """Return the secrets. Adds what cannot be read to `faults` and the source of each secret to `origins`.

    `folder` is the one that `latchkey setup` writes them to.
    """
    files: list[Path] = []
    client, signing = (
        _lines(f"slack.{name}", _find(name, f"SLACK_{name.upper()}", environ, folder), files, origins, faults)
        for name in ("client_secret", "signing_secret")
    )
    client_secret = _single("slack.client_secret", client, origins, faults)
    storage_url = _storage_url(environ, folder, files, origins, faults)
    return Secrets(client_secret, tuple(signing), storage_url, tuple(files))


def read_client_id(folder: Path, origins: dict[str, str], faults: list[Fault]) -> str:
    """Return the client ID that `latchkey setup` has written to this folder; empty if there is none."""
    path = folder / "client_id"
    lines = _lines("slack.client_id", _in_folder(path), [], origins, faults)
    return lines[0].reveal() if lines else ""


def _storage_url(
    environ: Mapping[str, str], folder: Path, files: list[Path], origins: dict[str, str], faults: list[Fault]
) -> Secret | None:
    """Return the URL of the store's database. A flag, or the variable if it is empty, can say that there is none."""
    if origins.get(STORAGE_URL, "").startswith("--"):
        return None
    is_set_empty = environ.get(STORAGE_URL_VARIABLE) == ""
    found = _find("storage_url", STORAGE_URL_VARIABLE, environ, None if is_set_empty else folder)
    url = _single(STORAGE_URL, _lines(STORAGE_URL, found, files, origins, faults), origins, faults)
    if url is not None and (problem := storage_url_problem(url.reveal())):
        faults.append(Fault(origins[STORAGE_URL], problem, STORAGE_URL))
    return url


def _single(setting: str, lines: list[Secret], origins: Mapping[str, str], faults: list[Fault]) -> Secret | None:
    if len(lines) > 1:
        faults.append(Fault(origins[setting], "expected a single line", setting))
    return lines[0] if lines else None


def _lines(
    setting: str,
    found: tuple[str, Path | str] | None,
    files: list[Path],
    origins: dict[str, str],
    faults: list[Fault],
) -> list[Secret]:
    if found is None:
        return []
    origin, source = found
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


def _find(name: str, variable: str, environ: Mapping[str, str], folder: Path | None) -> tuple[str, Path | str] | None:
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / name).exists():
        return f"credential {name}", Path(credentials) / name
    if environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE", Path(environ[f"{variable}_FILE"])
    if environ.get(variable):
        return variable, environ[variable]
    return None if folder is None else _in_folder(folder / name)


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
