"""The parameters of libpq that the URL of a database may set, and what their values must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address

MAX_SECONDS = 86_400

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,252})")
_PLAIN = re.compile(r"[^@:/\[\]]+")
"""A database's name. One of these characters is more likely a part of a password that is not escaped."""
_ESCAPED = "; in a user name or a password, write : as %3A, / as %2F and @ as %40"


def _one_of(*values: str) -> Callable[[str], str]:
    return lambda value: "" if value in values else f"must be {', '.join(values[:-1])} or {values[-1]}"


def _number(minimum: int, maximum: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        good = value.isascii() and value.isdigit() and len(value) < 9 and minimum <= int(value) <= maximum
        return "" if good else f"must be a number from {minimum} to {maximum}"

    return check


def _each(is_good: Callable[[str], bool], problem: str) -> Callable[[str], str]:
    """Check each item of a list with commas."""
    return lambda value: "" if all(map(is_good, value.split(","))) else problem


def _path(value: str) -> str:
    return "" if value.startswith("/") else "must be an absolute path"


def _path_or_system(value: str) -> str:
    return "" if value == "system" else _path(value)


def _text(value: str) -> str:
    return "" if value else "must not be empty"


def _is_host(value: str) -> bool:
    return value.startswith("/") or _HOST_NAME.fullmatch(value) is not None or _is_address(value)


def _is_address(value: str) -> bool:
    try:
        return bool(ip_address(value))
    except ValueError:
        return False


def _is_port(value: str) -> bool:
    return not value or (value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 65536)


_SWITCH = _one_of("0", "1")
_ATTEMPT = _one_of("disable", "prefer", "require")
_TLS_VERSION = _one_of("TLSv1.2", "TLSv1.3")
PARAMETERS: Mapping[str, Callable[[str], str]] = {
    "host": _each(_is_host, f"must be host names or folders of sockets{_ESCAPED}"),
    "hostaddr": _each(_is_address, "must be IP addresses"),
    "port": _each(_is_port, f"must be a number from 1 to 65535{_ESCAPED}"),
    "dbname": lambda value: "" if _PLAIN.fullmatch(value) else f"must be the name of a database{_ESCAPED}",
    "user": _text,
    "password": _text,
    "passfile": _path,
    "application_name": _text,
    "channel_binding": _ATTEMPT,
    "connect_timeout": _number(2, MAX_SECONDS),
    "gssencmode": _ATTEMPT,
    "keepalives": _SWITCH,
    "keepalives_count": _number(1, 1000),
    "keepalives_idle": _number(1, MAX_SECONDS),
    "keepalives_interval": _number(1, MAX_SECONDS),
    "krbsrvname": _text,
    "load_balance_hosts": _one_of("disable", "random"),
    "require_auth": _text,
    "requirepeer": _text,
    "ssl_max_protocol_version": _TLS_VERSION,
    "ssl_min_protocol_version": _TLS_VERSION,
    "sslcert": _path,
    "sslcertmode": _one_of("disable", "allow", "require"),
    "sslcrl": _path,
    "sslcrldir": _path,
    "sslkey": _path,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslpassword": _text,
    "sslrootcert": _path_or_system,
    "sslsni": _SWITCH,
    "target_session_attrs": _one_of("any", "read-write", "primary"),
    "tcp_user_timeout": _number(0, MAX_SECONDS * 1000),
}
"""Those of libpq that may be in the query, each with a function that returns what its value must be, or ""."""
REFUSED: Mapping[str, str] = {
    "options": "the server chooses the options of its sessions itself",
    "client_encoding": "the server chooses the encoding itself",
    "replication": "the server does not replicate",
    "service": "write what the service file contains into the URL",
    "servicefile": "write what the service file contains into the URL",
}
