"""The connection pool for all calls to Slack."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from latchkey.slackapi.client.unix_sockets import UnixSocketConnector

MAX_CONNECTIONS = 100
"""Simultaneous connections to Slack."""


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
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=timeout))
