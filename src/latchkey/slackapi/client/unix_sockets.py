"""Reaches Slack through unix sockets, for a server without network access.

A folder contains one socket for each HOST:PORT that may be reached; whatever created the socket forwards bytes to that
host.

Invariant: TLS is end to end. A forwarder cannot read the traffic, and one that leads to another host fails
certificate verification. A host without a socket cannot be reached.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace


class UnixSocketConnector(aiohttp.BaseConnector):
    """Connects to the socket `folder`/HOST:PORT instead of the host."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """`limit` is the maximum number of simultaneous connections."""
        super().__init__(limit=limit)
        self._folder = folder
        self._tls = ssl.create_default_context()

    # aiohttp's own UnixConnector overrides this method too, but does not support TLS.
    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature; the session enforces the timeout
    ) -> ResponseHandler:
        host = (req.url.raw_host or "").rstrip(".")
        path = self._folder / f"{host}:{req.port}"
        try:
            _, protocol = await self._loop.create_unix_connection(
                self._factory,
                str(path),
                ssl=self._tls if req.is_ssl() else None,
                server_hostname=host if req.is_ssl() else None,
            )
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            raise UnixClientConnectorError(str(path), req.connection_key, error) from error
        return protocol
