"""Answers requests while no version of the app works."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_READ_TIMEOUT = 1.0
_TEXT = "The app cannot be loaded. The terminal of `latchkey dev` says why; save a corrected file to load it again.\n"
_RESPONSE = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
    f"Content-Length: {len(_TEXT)}\r\nConnection: close\r\n\r\n{_TEXT}"
).encode()


@asynccontextmanager
async def unavailable(listening: socket.socket, backlog: int) -> AsyncIterator[None]:
    """Answer each request with 503 within the block; Slack sends an event again that was answered in this way."""
    server = await asyncio.start_server(_answer, sock=listening.dup(), backlog=backlog)
    try:
        yield
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _READ_TIMEOUT)
        writer.write(_RESPONSE)
        await writer.drain()
    writer.close()
