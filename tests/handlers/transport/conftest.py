"""Connections that a test opens, and that are closed at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

import pytest
from tornado.ioloop import IOLoop

from tests.support.network.raw_http import connect

Dial: TypeAlias = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
def dial(base_url: str, http_server: object, io_loop: IOLoop) -> Iterator[Dial]:
    """Opens a connection to the server."""
    writers: list[asyncio.StreamWriter] = []

    async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await connect(base_url)
        writers.append(writer)
        return reader, writer

    async def close() -> None:
        for writer in writers:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionError:
                pass

    yield dial
    io_loop.run_sync(close)
