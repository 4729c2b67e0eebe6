"""The metrics listener: HTTP, and the same limits on clients as the public application."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from latchkey.handlers import bind_port, serve_metrics
from latchkey.handlers.metrics_listener import MAX_CLIENTS
from latchkey.handlers.transport import Clients
from tests.support.network.raw_http import connect, exchange, head, receive_all

CLOSE = "Connection: close"


@asynccontextmanager
async def listener(**timeouts: float) -> AsyncIterator[str]:
    """Run a metrics listener; yields its URL."""
    (listening,) = bind_port(("127.0.0.1", 0), hint="")
    async with serve_metrics(CollectorRegistry(), [listening], Clients(**timeouts)):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.gen_test
async def test_answers_get_and_head_of_one_path() -> None:
    async with listener() as url:
        got, headed = [await exchange(url, head(f"{method} /metrics HTTP/1.1", CLOSE)) for method in ("GET", "HEAD")]
        assert b"process_open_fds" in got.body
        assert (headed.status, headed.body, headed.headers["content-type"]) == (200, b"", got.headers["content-type"])
        for method in ("POST", "OPTIONS", "TRACE", "PROPFIND"):
            answer = await exchange(url, head(f"{method} /metrics HTTP/1.1", "Content-Length: 1000000"))
            assert (answer.status, answer.headers["allow"], answer.headers["connection"]) == (405, "GET, HEAD", "close")
            answer = await exchange(url, head(f"{method} / HTTP/1.1", CLOSE))
            assert (answer.status, answer.body, "allow" in answer.headers) == (404, b"404\n", False)
        assert (await exchange(url, head("GET http://x/metrics HTTP/1.1", CLOSE))).status == 200
        assert (await exchange(url, head("GET /metrics HTTP/1.1", "X-Long: " + "a" * 40_000))).status == 431


@pytest.mark.gen_test
@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", head("GET /metrics HTTP/1.1")])
async def test_disconnects_slow_and_idle_clients(sent: bytes) -> None:
    async with listener(idle_timeout=0.2, sweep_seconds=0.05) as url:
        reader, writer = await connect(url)
        begun = time.monotonic()
        writer.write(sent)
        await receive_all(reader)
        assert time.monotonic() - begun < 3
        writer.close()


@pytest.mark.gen_test
async def test_idle_clients_do_not_keep_prometheus_out() -> None:
    async with listener() as url, AsyncExitStack() as opened:
        idle = []
        for _ in range(3 * MAX_CLIENTS):
            reader, writer = await connect(url)
            opened.callback(writer.close)
            idle.append(reader)
        assert (await exchange(url, head("GET /metrics HTTP/1.1", CLOSE))).status == 200
        await asyncio.sleep(0.2)
        assert sum(not reader.at_eof() for reader in idle) <= MAX_CLIENTS
