"""Slack through unix sockets, for a server that has no network of its own.

Rule: a folder holds a socket for each HOST:PORT that may be reached, and
whoever made the socket carries bytes to there. TLS is spoken from end to end
in here: the carrier reads nothing, and one that leads elsewhere fails the
certificate's check. A host without a socket cannot be reached at all.
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
    """Connects to `folder`/HOST:PORT in place of the host."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """`limit` is how many connections there may be at once."""
        super().__init__(limit=limit)
        self._folder = folder
        self._tls = ssl.create_default_context()

    # aiohttp's own UnixConnector overrides this method too, and knows no TLS.
    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # its own signature; the session keeps the time
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
