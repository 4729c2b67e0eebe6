"""Says why a request failed, and at which address."""

from __future__ import annotations

import aiohttp

from latchkey.config import Proxy
from latchkey.slackapi.client import failure_reason


def failure_of(where: str, error: aiohttp.ClientError | TimeoutError, proxy: Proxy | None = None) -> str:
    """Return what happened at this address, or at the proxy through which it is reached."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        at_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
        return f"nothing listens on {f'the outgoing proxy {proxy.url}' if proxy and at_proxy else where}"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, FileNotFoundError):
        return f"nothing listens on {where}"  # a unix socket
    return f"{where}{f' through the proxy {proxy.url}' if proxy else ''}: {failure_reason(error)}"
