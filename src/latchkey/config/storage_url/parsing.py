"""Parses the URL of the database that contains the store, as libpq does, and finds what is wrong with it.

Invariant: a problem contains nothing of the URL except names of parameters that libpq knows, because anything else may
be a part of the password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from latchkey.config.storage_url.parameters import PARAMETERS, REFUSED

_NOT_IN_FILE = (
    "must not contain a password here; pass the whole URL in LATCHKEY_STORAGE_URL_FILE, in LATCHKEY_STORAGE_URL or as"
    " the systemd credential storage_url"
)
MAX_LENGTH = 4000
"""Maximum length of a URL."""

MIN_HIDDEN = 6
"""Minimum length of a password to hide wherever it is."""

_FORM = "expected postgresql://USER@HOST:PORT/DATABASE"
_SCHEMES = ("postgresql", "postgres")
_PASSWORDS = ("password", "sslpassword")
_USER = re.compile(r"(?P<user>[^@/:]*)(?::(?P<password>[^@/]*))?@")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")


class _Invalid(Exception):
    """The URL cannot be used; its text is the problem."""


@dataclass(frozen=True, repr=False)
class StorageUrl:
    """A URL without faults."""

    parts: Mapping[str, str]
    """libpq's parameters, decoded; those that the URL does not set are missing."""
    raw_passwords: tuple[str, ...]
    """The passwords, as they are written in the URL."""

    @property
    def shown(self) -> str:
        """Hosts and database, for messages; without ports, user, password and parameters."""
        return f"postgresql://{self.parts.get('host') or self.parts['hostaddr']}/{self.parts['dbname']}"

    @property
    def passwords(self) -> list[str]:
        """Each password, as it is and as it is written in the URL."""
        decoded = [self.parts[name] for name in _PASSWORDS if name in self.parts]
        return list(dict.fromkeys([*decoded, *self.raw_passwords]))

    @property
    def hidden(self) -> list[str]:
        """The passwords for the log to hide wherever they are.

        Those that other text would contain as well are left out: short ones, and one such as "postgres". In a URL and
        after "password=" the log hides any.
        """
        others = f"postgresql latchkey {' '.join(self.parts[name] for name in self.parts if name not in _PASSWORDS)}"
        return [password for password in self.passwords if len(password) >= MIN_HIDDEN and password not in others]


def storage_url_problem(text: str) -> str | None:
    """Return what is wrong with a URL, which may contain passwords, or None."""
    try:
        parse_storage_url(text)
    except ValueError as invalid:
        return str(invalid)
    return None


def problem_in_file(text: str) -> str | None:
    """Return what is wrong with a URL in config.toml, where passwords are refused; an empty one is valid."""
    if not text:
        return None
    try:
        found = parse_storage_url(text)
    except ValueError as invalid:
        return str(invalid)
    return _NOT_IN_FILE if found.passwords else None


def parse_storage_url(text: str) -> StorageUrl:
    """Return the parts of a URL. Raises ValueError with the problem."""
    try:
        return _parse(text)
    except _Invalid as invalid:
        raise ValueError(str(invalid)) from None


def _parse(text: str) -> StorageUrl:
    if len(text) > MAX_LENGTH:
        raise _Invalid(f"expected at most {MAX_LENGTH} characters")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise _Invalid("expected a URL of ASCII characters without spaces; write others as %…")
    scheme, _, rest = text.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise _Invalid(_FORM)
    if _BAD_ESCAPE.search(text):
        raise _Invalid('has a "%" that two hexadecimal digits do not follow; write a "%" itself as "%25"')
    parts: dict[str, str] = {}
    passwords = []
    credentials = _USER.match(rest)
    if credentials:
        rest = rest[credentials.end() :]
        parts |= {name: unquote(value) for name, value in credentials.groupdict().items() if value}
        passwords += [credentials["password"]] if credentials["password"] else []
    address, _, query = rest.partition("?")
    hosts, _, database = address.partition("/")
    _add_hosts(parts, hosts)
    if database:
        parts["dbname"] = unquote(database)
    passwords += _add_parameters(parts, query)
    _check(parts)
    return StorageUrl(parts, tuple(passwords))


def _add_hosts(parts: dict[str, str], text: str) -> None:
    """Add what is between user and database: hosts, each of which may have a port."""
    hosts, ports = [], []
    for item in text.split(","):
        found = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?|([^:\[\]]*)(?::(.*))?", item)
        if found is None:
            raise _Invalid(_FORM)
        hosts.append(unquote(found[1] or found[3] or ""))
        ports.append(unquote(found[2] or found[4] or ""))
    if any(hosts):
        parts["host"] = ",".join(hosts)
    if any(ports):
        parts["port"] = ",".join(ports)


def _add_parameters(parts: dict[str, str], query: str) -> list[str]:
    """Add the parameters of the query; returns the passwords among them as they are written."""
    passwords = []
    for item in query.split("&") if query else []:
        name, separator, raw = item.partition("=")
        name = unquote(name)
        if name in REFUSED:
            raise _Invalid(f"must not set {name}: {REFUSED[name]}")
        if name not in PARAMETERS:
            raise _Invalid(f"has a parameter after the ? that is not supported{_suggestion(name)}")
        if not separator or "=" in raw:
            raise _Invalid(f'has no value for {name}, or an "=" in it, which is written as %3D')
        if name in parts:
            raise _Invalid(f"sets {name} twice")
        parts[name] = unquote(raw)
        if name in _PASSWORDS:
            passwords.append(raw)
    return passwords


def _suggestion(name: str) -> str:
    """Return "(did you mean …?)" with a known name; `name` itself may be a part of a password."""
    from difflib import get_close_matches  # takes 1 MB, and is needed only for a mistake

    close = get_close_matches(name, PARAMETERS, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _check(parts: Mapping[str, str]) -> None:
    for name, value in parts.items():
        if problem := PARAMETERS[name](value):
            raise _Invalid(f"{name} {problem}")
    if not parts.get("host") and not parts.get("hostaddr"):
        raise _Invalid(
            "expected a host, or the folder of a unix socket as in postgresql:///DATABASE?host=/run/postgresql"
        )
    if "dbname" not in parts:
        raise _Invalid("expected the name of a database: postgresql://HOST/DATABASE")
    counts = {name: len(parts[name].split(",")) for name in ("host", "hostaddr", "port") if name in parts}
    hosts = counts.get("host") or counts["hostaddr"]
    if counts.get("hostaddr", hosts) != hosts or counts.get("port", hosts) not in (1, hosts):
        raise _Invalid("must have as many ports and addresses as hosts")
