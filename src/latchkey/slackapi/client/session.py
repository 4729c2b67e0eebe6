"""The connection pool for all calls to Slack."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from latchkey.slackapi.client.unix_sockets import UnixSocketConnector

MAX_CONNECTIONS = 100
"""Simultaneous connections to Slack."""
MAX_RESPONSE_BYTES = 16 << 20
"""Uncompressed. Slack's responses are paged, and a page of the largest ones has a few MB."""


def open_session(*, timeout: float, unix_sockets: Path | None = None) -> aiohttp.ClientSession:
    """Return the connection pool for all calls to Slack; the caller closes it.

    `timeout` is for each request, in seconds. If `unix_sockets` is given, Slack is reached through the sockets in
    that folder; see `UnixSocketConnector`.
    """
    connector: aiohttp.BaseConnector = (
        UnixSocketConnector(unix_sockets, limit=MAX_CONNECTIONS)
        if unix_sockets
        else aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    )
    return aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=timeout), response_class=_LimitedResponse
    )


class ResponseTooLarge(aiohttp.ClientError):
    """Slack's response is larger than MAX_RESPONSE_BYTES."""


class _LimitedResponse(aiohttp.ClientResponse):
    """A response that is not read to its end if it is too large; a few kB of gzip can become gigabytes."""

    async def read(self) -> bytes:
        if self._body is None:
            body = bytearray()
            async for part in self.content.iter_any():
                body += part
                if len(body) > MAX_RESPONSE_BYTES:
                    self.close()
                    raise ResponseTooLarge(f"more than {MAX_RESPONSE_BYTES >> 20} MiB")
            self._body = bytes(body)
        return await super().read()
