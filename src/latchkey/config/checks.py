"""Checks of settings beyond their types. Each returns what was expected, or None if the value is valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_network
from typing import Any
from urllib.parse import urlsplit

from latchkey.config.storage_url import problem_in_file

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may be used without TLS, because requests never leave the machine."""

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]*):(\d{1,5})")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_EMAIL = re.compile(rf"[A-Za-z0-9._+-]+@{_LABEL}(?:\.{_LABEL})*")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_WORKSPACE = re.compile(r"[TE][A-Z0-9]{1,20}", re.ASCII)
_METADATA = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,39}", re.ASCII)
_URL_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+/?", re.ASCII)
_SCOPE = re.compile(r"[a-z0-9_.:\-]+")
MAX_URL_LENGTH = 2000
"""Browsers and proxies accept at least this length."""
MAX_EMAIL_LENGTH = 254 + len("mailto:")
"""RFC 5321, 4.5.3.1.3."""
MAX_DRAIN_SECONDS = 300
MAX_METADATA = 20
RESERVED_METADATA = frozenset({"team", "values"})
UNIX_PREFIX = "unix:"
MAX_PATH_LENGTH = 200
INSTALL_PATH = "/slack/install"
CALLBACK_PATHS = frozenset({"/slack/oauth/callback", "/slack/oauth_redirect"})
OWN_PATHS = frozenset({"/slack/events", "/slack/installed", "/slack/icon.svg", "/favicon.ico", "/healthz", "/readyz"})
"""Paths of the server that are not part of the install flow, or cannot be changed."""
MAX_SOCKET_PATH = 107
"""Maximum length of a unix socket's path in bytes (unix(7), sun_path)."""


def _listen(value: str) -> str | None:
    match = _LISTEN.fullmatch(value)
    return None if match and int(match[2]) < 65536 else "expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"


def _server_listen(value: str) -> str | None:
    if not value.startswith(UNIX_PREFIX):
        problem = _listen(value)
        return f"{problem}, or unix:/path" if problem else None
    path = value.removeprefix(UNIX_PREFIX)
    good = path.startswith("/") and path.isprintable() and len(path.encode()) <= MAX_SOCKET_PATH
    return None if good else f"expected unix:/ and a path of at most {MAX_SOCKET_PATH} bytes"


def _mode(value: str) -> str | None:
    return None if re.fullmatch(r"0?[0-7]{3}", value) else 'expected a mode of three octal digits, such as "660"'


def _proxies(value: list[str]) -> str | None:
    for name in value:
        if name == "unix":
            continue
        try:
            network = ip_network(name)
        except ValueError:
            return 'expected addresses, networks that end in zero bits, such as "10.1.0.0/16", or "unix"'
        if not network.prefixlen:
            return f"expected the proxies' own addresses, since {network} would trust every client"
    return None


def _url(value: str, *, empty: bool = False, path: bool = True, fragment: bool = False) -> str | None:
    """Check a URL; `empty` allows none, `path` a path and a query, `fragment` a part after #."""
    if not value and empty:
        return None
    if len(value) > MAX_URL_LENGTH:
        return f"expected at most {MAX_URL_LENGTH} characters"
    if not (value.isascii() and value.isprintable()) or " " in value:
        return "expected a URL of ASCII characters without spaces (other letters as xn--… in the host, as %… after it)"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return "expected a URL"
    if parts.scheme not in ("http", "https") or not _is_host(parts.hostname or "") or port == 0 or "@" in parts.netloc:
        return "expected a URL that starts with https:// and a host name"
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        return "expected https:// (http:// is only allowed for localhost)"
    if not path and (parts.path.strip("/") or parts.query or parts.fragment):
        return "expected only scheme and host, without a path"
    if parts.fragment and not fragment:
        return "expected a URL without a part after #"
    return None


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        return bool(IPv6Address(host))
    except ValueError:
        return False


def _link(value: str) -> str | None:
    return _url(value, empty=True, fragment=True)


def _contact(value: str) -> str | None:
    if not value.startswith("mailto:"):
        problem = _link(value)
        return f"{problem}, or mailto:address" if problem else None
    good = _EMAIL.fullmatch(value.removeprefix("mailto:")) is not None and len(value) <= MAX_EMAIL_LENGTH
    return None if good else "expected one address after mailto:, such as mailto:help@example.com"


def _drain(value: float) -> str | None:
    return None if 0 <= value <= MAX_DRAIN_SECONDS else f"expected seconds from 0 to {MAX_DRAIN_SECONDS}"


def _refreshes(value: float) -> str | None:
    return None if 0.1 <= value <= 1000 else "expected a number from 0.1 to 1000"


def _between(minimum: int, maximum: int) -> Callable[[int], str | None]:
    return lambda value: None if minimum <= value <= maximum else f"expected a number from {minimum} to {maximum}"


def _text(minimum: int, maximum: int) -> Callable[[str], str | None]:
    expected = f"expected one line of {f'{minimum} to ' if minimum else 'at most '}{maximum} printable characters"
    return lambda value: (
        None if minimum <= len(value.strip()) and len(value) <= maximum and value.isprintable() else expected
    )


def _scopes(value: list[str]) -> str | None:
    return None if all(_SCOPE.fullmatch(scope) for scope in value) else 'expected scopes such as "chat:write"'


def _workspaces(value: list[str]) -> str | None:
    good = all(_WORKSPACE.fullmatch(name) for name in value)
    return None if good else 'expected ids of workspaces and orgs, such as "T0123ABCD" or "E0123ABCD"'


def _metadata(value: list[str]) -> str | None:
    if len(value) > MAX_METADATA:
        return f"expected at most {MAX_METADATA} names"
    if reserved := sorted(RESERVED_METADATA.intersection(value)):
        return f"expected other names than {' and '.join(reserved)}, which the install page uses itself"
    good = all(_METADATA.fullmatch(name) for name in value)
    return None if good else "expected names of a letter, then at most 39 letters, digits, _, . and -"


def _install_path(value: str) -> str | None:
    return None if value == "/" else _url_path(value, taken=OWN_PATHS | CALLBACK_PATHS)


def _callback_path(value: str) -> str | None:
    return _url_path(value, taken=OWN_PATHS | {INSTALL_PATH})


def _url_path(value: str, *, taken: frozenset[str]) -> str | None:
    if value in taken:
        return f"expected another path, because the server uses {value} itself"
    good = _URL_PATH.fullmatch(value) is not None and len(value) <= MAX_PATH_LENGTH
    return None if good else f'expected a path such as "/slack/install", of at most {MAX_PATH_LENGTH} characters'


def _modules(value: list[str]) -> str | None:
    return None if all(_MODULE.fullmatch(name) for name in value) else "expected names of Python modules"


def _bolt_app(value: str) -> str | None:
    module, _, name = value.partition(":")
    good = not value or (_MODULE.fullmatch(module) and _MODULE.fullmatch(name))
    return None if good else 'expected "module:name", such as "my_app:app"'


def _path(value: str) -> str | None:
    return None if value.strip() else "expected a path"


CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "app.name": _text(1, 35),
    "app.description": _text(0, 140),
    "app.operator": _text(0, 100),
    "app.support_url": _contact,
    "app.privacy_url": _link,
    "server.public_url": lambda value: _url(value, empty=True, path=False),
    "server.listen": _server_listen,
    "server.socket_mode": _mode,
    "server.trusted_proxies": _proxies,
    "server.drain_seconds": _drain,
    "slack.scopes": _scopes,
    "slack.user_scopes": _scopes,
    "slack.optional_scopes": _scopes,
    "slack.optional_user_scopes": _scopes,
    "slack.refreshes_per_second": _refreshes,
    "slack.api_url": _url,
    "slack.authorize_url": _url,
    "install.workspaces": _workspaces,
    "install.unsigned_metadata": _metadata,
    "install.path": _install_path,
    "install.callback_path": _callback_path,
    "install.state_seconds": _between(60, 86_400),
    "install.success_url": lambda value: _url(value, empty=True),
    "install.failure_url": lambda value: _url(value, empty=True),
    "storage.path": _path,
    "storage.keyring": _path,
    "storage.url": problem_in_file,
    "storage.connections": _between(2, 100),
    "backup.path": _path,
    "backup.keep": _between(1, 10_000),
    "events.max_attempts": _between(1, 100),
    "events.inbox_events": _between(1, 1_000_000),
    "events.inbox_megabytes": _between(1, 4096),
    "listeners.modules": _modules,
    "bolt.app": _bolt_app,
    "bolt.modules": _modules,
    "metrics.listen": lambda value: _listen(value) if value else None,
}
