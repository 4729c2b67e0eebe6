"""The outgoing proxy for calls to Slack, from the usual environment variables.

They mean what they mean to curl: `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` are an http:// or https:// URL,
`NO_PROXY` lists hosts that are reached directly, and names in lower case come first. As with slack_sdk, `HTTP_PROXY`
also serves https:// URLs if nothing else does. This machine is always reached directly.

Invariant: a proxy's user name and password are only in the header for the proxy, and in no URL and no error.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

from latchkey.errors import ConfigError, Fault

_VARIABLES = {"https": ("HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY"), "http": ("HTTP_PROXY", "ALL_PROXY")}
"""For each scheme of a URL, the variables that may name its proxy; the first one that is set counts."""


class Proxy(NamedTuple):
    """One outgoing proxy."""

    url: str
    """Without the user name and the password, which are in the headers."""
    headers: Mapping[str, str]
    """What the proxy requires in requests to it."""


@dataclass(frozen=True)
class Proxies:
    """The environment's proxies."""

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def for_url(self, url: str) -> Proxy | None:
        """Return the proxy through which `url` is reached; None: directly.

        Raises ConfigError if the variable that names it has no usable value.
        """
        parts = urlsplit(url)
        if _is_local(parts.hostname or "") or proxy_bypass_environment(parts.netloc, {"no": self._value("NO_PROXY")}):
            return None
        for variable in _VARIABLES.get(parts.scheme, ()):
            value = self._value(variable)
            # ALL_PROXY often names a SOCKS proxy, for the programs that can use one.
            if value and not (variable == "ALL_PROXY" and value.lower().startswith("socks")):
                return _proxy(variable, value)
        return None

    def arguments(self, url: str) -> dict[str, Any]:
        """Return the arguments that make a request of aiohttp for `url` use the proxy; raises ConfigError."""
        proxy = self.for_url(url)
        return {"proxy": proxy.url, "proxy_headers": proxy.headers} if proxy else {}

    def _value(self, variable: str) -> str:
        return (self.environ.get(variable.lower()) or self.environ.get(variable) or "").strip()


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _proxy(variable: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigError(
            [Fault(variable, "expected http://HOST:PORT or https://HOST:PORT; SOCKS proxies are not supported")]
        )
    return Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", _authorization(parts))


def _authorization(url: SplitResult) -> dict[str, str]:
    if url.username is None:
        return {}
    credentials = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
