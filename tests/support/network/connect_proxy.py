"""An outgoing HTTP proxy for tests: it tunnels to the hosts that it knows, and notes what it was asked for."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


class ConnectProxy:
    """A proxy with the method CONNECT (RFC 9110, 9.3.6)."""

    def __init__(self, routes: Mapping[str, int], credentials: str) -> None:
        """`routes` are ports on loopback by HOST:PORT; `credentials` are USER:PASSWORD, or empty for anybody."""
        self.routes = routes
        self.asked_for: list[str] = []
        """HOST:PORT of every request."""
        self._authorization = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""
        self._userinfo = f"{credentials}@" if credentials else ""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self._userinfo}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            self.asked_for.append(target)
            refusal = self._refusal(method, target, head)
            if refusal:
                writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.routes[target])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _refusal(self, method: str, target: str, head: str) -> str:
        if method != "CONNECT":
            return "405 Method Not Allowed"
        if self._authorization and f"proxy-authorization: {self._authorization}".lower() not in head.lower():
            return "407 Proxy Authentication Required"
        return "" if target in self.routes else "502 Bad Gateway"


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of `reader`, and close `writer`."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def connect_proxy(routes: Mapping[str, int], credentials: str = "") -> AsyncIterator[ConnectProxy]:
    """Serve on a free loopback port."""
    proxy = ConnectProxy(routes, credentials)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


@asynccontextmanager
async def tls_front(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """Serve TLS on a free loopback port, which is yielded, and forward what it carries to another one."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
