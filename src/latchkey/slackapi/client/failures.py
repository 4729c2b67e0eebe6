"""Says in plain words why a request brought no response."""

from __future__ import annotations

import socket


def failure_reason(error: Exception) -> str:
    """Return the reason: a phrase without the address, or the error's class if there is no better one."""
    import aiohttp  # loaded already by the client that raised the error

    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the outgoing proxy responds with {error.status}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the outgoing proxy cannot be reached: {_of_connection(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "no valid certificate"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _of_connection(error.os_error)
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return "the connection broke"
    return type(error).__name__


def _of_connection(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host cannot be resolved"
    return "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or "no connection"
