"""Sends bytes to a server, for requests that no HTTP client would make."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Self

from latchkey.simulator import JSON, sign

TIMEOUT = 5.0


@dataclass(frozen=True)
class RawResponse:
    """A response; `status` is 0 if the connection was closed without one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""
    """Everything after the headers until the connection was closed."""

    @classmethod
    def parse(cls, received: bytes) -> Self:
        head, _, body = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return cls(int(line.split()[1]) if line.startswith("HTTP/1.1 ") else 0, headers, body)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


async def receive_all(reader: asyncio.StreamReader) -> bytes:
    """Return what the server sends until it closes the connection."""
    received = b""
    async with asyncio.timeout(TIMEOUT):
        try:
            while more := await reader.read(1 << 16):
                received += more
        except ConnectionError:
            pass
    return received


async def receive(reader: asyncio.StreamReader) -> RawResponse:
    return RawResponse.parse(await receive_all(reader))


async def exchange(url: str, data: bytes) -> RawResponse:
    """Send these bytes, and return the response once the server closes the connection."""
    reader, writer = await connect(url)
    try:
        writer.write(data)
        return await receive(reader)
    finally:
        writer.close()


def head(start: str, *lines: str) -> bytes:
    """Return the headers of a request, with the Host that HTTP/1.1 needs."""
    return "\r\n".join([start, "Host: localhost", *lines, "", ""]).encode()


def signature_headers(secret: str, body: bytes, timestamp: float | None = None) -> list[str]:
    stamp = str(int(time.time() if timestamp is None else timestamp))
    return [f"X-Slack-Request-Timestamp: {stamp}", f"X-Slack-Signature: {sign(secret, stamp, body)}"]


def signed(secret: str, body: bytes, *lines: str, content_type: str = JSON) -> bytes:
    """Return a signed request to the events URL."""
    kinds = [f"Content-Length: {len(body)}", f"Content-Type: {content_type}"]
    return head("POST /slack/events HTTP/1.1", *kinds, *signature_headers(secret, body), *lines) + body
