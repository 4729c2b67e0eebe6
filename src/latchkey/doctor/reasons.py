"""Says why a request failed."""

from __future__ import annotations

import os

import aiohttp

from latchkey.config import Proxy


def failure_of(where: str, error: aiohttp.ClientError | TimeoutError, proxy: Proxy | None = None) -> str:
    """Return what happened at this address, or at the proxy through which it is reached."""
    if proxy is not None:
        at_proxy = isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError)
        where = f"the proxy {proxy.url}" if at_proxy else f"{where} through the proxy {proxy.url}"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer in time"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{where} refuses the connection with status {error.status}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return f"{where} has no valid certificate"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return f"nothing listens on {where}"
        return f"{where} cannot be reached: {os.strerror(cause.errno) if cause.errno else type(cause).__name__}"
    return f"{where} does not answer with HTTP ({type(error).__name__})"
