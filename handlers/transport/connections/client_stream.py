"""A client's connection, as Tornado's server reads and writes it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tornado.concurrent import future_add_done_callback
from tornado.httputil import HTTPInputError, RequestStartLine
from tornado.iostream import IOStream, UnsatisfiableReadError

from latchkey.handlers.transport.connections.lingering import Lingering
from latchkey.handlers.transport.connections.unreadable_request import UnreadableRequest
from latchkey.handlers.transport.limits import MAX_HEADER_BYTES, READ_BYTES

MAX_CHUNK_LINE = 4096
"""Bytes of a chunk's size and its extensions."""
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_TORNADOS_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n\r\n"


class ClientStream(IOStream):
    """A connection that reports when it is closed, answers requests that cannot be read, and reads chunks as HTTP says.

    Tornado refuses a chunk with an extension and a body with trailers, which a server must accept and may ignore
    (RFC 9112, 7.1). It reads a chunk's first line with `read_until`, and the end of the last chunk with `read_bytes`.
    """

    is_last_request = False
    """If true, the connection is closed after the next response."""
    lingers = False
    """If true, part of a request has not been read: close the connection so that its response arrives."""
    line: RequestStartLine | None = None
    """The first line of a request that is about to be refused, if it is known."""
    unreadable: UnreadableRequest | None = None
    """Set once the connection itself has responded, until that is logged."""

    def __init__(
        self, connection: socket.socket, lingering: Lingering, on_closed: Callable[[ClientStream], None]
    ) -> None:
        """`on_closed` is called once the descriptor is free."""
        super().__init__(connection, read_chunk_size=READ_BYTES)
        super().set_nodelay(True)
        self._lingering = lingering
        self._on_closed = on_closed
        self._is_in_chunk_line = False
        self._is_after_last_chunk = False

    def set_nodelay(self, value: bool) -> None:
        """Do nothing. Tornado toggles the option around each response (two system calls) to combine partial writes.

        It is set once, because we write each response in one piece.
        """

    def write(self, data: bytes | memoryview) -> asyncio.Future[None]:
        """Write a response; Tornado's own, for a request that it cannot read, is replaced by one like our others."""
        return super().write(self._refuse(400) if data == _TORNADOS_BAD_REQUEST else data)

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read the first line of a chunk, and return it without extensions."""
        self._is_in_chunk_line = True
        return _then(super().read_until(delimiter, MAX_CHUNK_LINE), self._chunk_line)

    def read_bytes(self, num_bytes: int, partial: bool = False) -> Awaitable[bytes]:
        """Read a part of a body; after the last chunk, read the trailers, and return the empty line after them."""
        if not self._is_after_last_chunk:
            return super().read_bytes(num_bytes, partial)
        self._is_after_last_chunk = False
        return self._read_trailers()

    def _chunk_line(self, line: bytes) -> bytes:
        self._is_in_chunk_line = False
        parsed = _CHUNK_LINE.fullmatch(line)
        if parsed is None:
            raise HTTPInputError("a chunk's size is not valid")
        self._is_after_last_chunk = not parsed[1].strip(b"0")
        return parsed[1] + b"\r\n"

    async def _read_trailers(self) -> bytes:
        size = 0
        while size <= MAX_HEADER_BYTES:
            line = await super().read_until(b"\r\n", MAX_HEADER_BYTES)
            if line == b"\r\n":
                return line
            if not _TRAILER.fullmatch(line):
                raise HTTPInputError("a trailer is not valid")
            size += len(line)
        raise HTTPInputError("the trailers are too large")

    def close(self, exc_info: Any = False) -> None:
        if isinstance(exc_info, UnsatisfiableReadError) and not self.closed():
            # Tornado would close the connection without a response.
            response = self._refuse(400 if self._is_in_chunk_line else 431)
            with suppress(OSError):  # the client has gone, or does not read
                self.socket.send(response)
        super().close(exc_info)

    def close_fd(self) -> None:
        connection = self.socket
        if not self.lingers:
            super().close_fd()
            self._on_closed(self)
            return
        self.socket = None  # type: ignore[assignment]  # as in Tornado's own
        self._lingering.close(connection, lambda: self._on_closed(self))

    def _refuse(self, status: int) -> bytes:
        """Note that the request cannot be read, and return the response."""
        self.lingers = True
        self.unreadable = UnreadableRequest.of(status, self.line)
        return self.unreadable.response()


def linger_on_close(stream: IOStream) -> None:
    """Note that part of a request has not been read, before the connection is closed."""
    if isinstance(stream, ClientStream):
        stream.lingers = True


def note_line(stream: IOStream, line: RequestStartLine) -> None:
    """Note the first line of a request that is about to be refused."""
    if isinstance(stream, ClientStream):
        stream.line = line


def take_unreadable(stream: IOStream) -> UnreadableRequest | None:
    """Return the request that is to be logged because the connection itself has responded to it; each only once."""
    if not isinstance(stream, ClientStream):
        return None
    unreadable, stream.unreadable = stream.unreadable, None
    return unreadable


def make_last_request(stream: IOStream) -> None:
    """Note that the connection is closed after the response to the current request."""
    if isinstance(stream, ClientStream):
        stream.is_last_request = True


def _then(read: Awaitable[bytes], change: Callable[[bytes], bytes]) -> asyncio.Future[bytes]:
    """Return what `change` makes of a read; done at once if the read is, because Tornado then reads on."""
    changed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def complete(done: asyncio.Future[bytes]) -> None:
        if changed.done():
            return
        try:
            changed.set_result(change(done.result()))
        except (HTTPInputError, UnsatisfiableReadError, OSError) as error:
            changed.set_exception(error)
            changed.exception()  # the reader raises it; asyncio need not warn

    future_add_done_callback(read, complete)  # type: ignore[call-overload]  # Tornado's reads are futures
    return changed
