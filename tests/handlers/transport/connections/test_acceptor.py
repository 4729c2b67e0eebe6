"""Too many connections, or too few descriptors: new clients are let in, idle ones are closed, busy ones are not."""

import asyncio
import errno
import os
import socket
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from latchkey.dispatch import App
from latchkey.handlers.services import Services
from latchkey.handlers.transport import Clients
from latchkey.handlers.transport.connections.acceptor import Acceptor, Shortage
from latchkey.simulator import FORM
from tests.handlers.conftest import SIGNING_SECRETS
from tests.handlers.transport.conftest import Dial
from tests.support.clocks import Clock
from tests.support.network.raw_http import exchange, head, receive, signed

HEALTH = head("GET /healthz HTTP/1.1")
LAST = head("GET /healthz HTTP/1.1", "Connection: close")


@pytest.mark.gen_test
@pytest.mark.parametrize("max_clients", [4])
async def test_closes_the_idlest_client_for_a_new_one(dial: Dial, base_url: str) -> None:
    first, second, third, fourth = [await dial() for _ in range(4)]
    await asyncio.sleep(0.02)
    for reader, writer in (first, second):  # these two are idle for a shorter time now
        writer.write(HEALTH)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    for _ in range(2):
        assert (await exchange(base_url, LAST)).status == 200
    assert await third[0].read() == b""
    for reader, writer in (first, second, fourth):
        writer.write(LAST)
        assert b"200 OK" in await reader.read()


@pytest.mark.gen_test
@pytest.mark.parametrize("max_clients", [2])
async def test_keeps_clients_that_wait_for_a_response(
    dial: Dial, base_url: str, services: Services, installed: object, listeners: App
) -> None:
    release = asyncio.Event()

    @listeners.command("/slow")
    async def slow(ack: Any) -> None:
        await release.wait()
        await ack("done")

    busy = [await dial() for _ in range(2)]
    for number, (_, writer) in enumerate(busy):
        body = urlencode({"command": "/slow", "team_id": "T0ACME", "user_id": f"U{number}"}).encode()
        writer.write(signed(SIGNING_SECRETS[0], body, "Connection: close", content_type=FORM))
    await asyncio.sleep(0.05)
    for _ in range(4):
        await dial()
    await asyncio.sleep(0.05)
    assert len(services.clients) <= 3
    assert (await exchange(base_url, LAST)).status == 200
    release.set()
    assert [(await receive(reader)).body for reader, _ in busy] == [b"done", b"done"]


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"clients": Clients(unread_seconds=0.1)}])
async def test_disconnects_a_client_that_does_not_read_its_responses(
    http_server: object, base_url: str, services: Services
) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", int(base_url.rpartition(":")[2])))
        client.setblocking(False)
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            try:
                client.send(head("GET / HTTP/1.1") * 10)
            except BlockingIOError:
                pass
            except ConnectionError:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the client is still connected")
    assert len(services.clients) == 0


class FailingSocket(socket.socket):
    """A listening socket on which accepting fails `failures` times."""

    error = errno.EMFILE
    failures = 0
    attempts = 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise OSError(self.error, os.strerror(self.error))
        return super().accept()


@pytest.mark.gen_test
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENETDOWN])
async def test_pauses_while_nothing_can_be_accepted_and_logs_it_once(
    all_logs: pytest.LogCaptureFixture, error: int
) -> None:
    accepted: list[socket.socket] = []
    with FailingSocket() as listening:
        listening.error = error
        listening.failures = 8
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        acceptor = Acceptor(Clients(), 10, lambda connection, _: accepted.append(connection))
        acceptor.listen([listening])
        client = socket.create_connection(listening.getsockname())
        begun = time.monotonic()
        while not accepted:
            assert time.monotonic() - begun < 3
            await asyncio.sleep(0.01)
        assert time.monotonic() - begun > 0.15
        assert listening.attempts <= 10
        acceptor.stop()
    for opened in (client, *accepted):
        opened.close()
    assert all_logs.text.count(os.strerror(error)) == 1


@pytest.mark.gen_test
async def test_logs_the_end_of_a_shortage_after_a_quiet_time(
    all_logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    clock = Clock(loop.time())
    monkeypatch.setattr(loop, "time", clock)
    shortage = Shortage(1.0)
    for _ in range(6):
        shortage.note("10 connections are open, the maximum")
        clock.now += 0.8
        await asyncio.sleep(0)
        assert "room for connections again" not in all_logs.text
    clock.now += 0.4
    await asyncio.sleep(0)
    assert "room for connections again, after 4 s" in all_logs.text
    shortage.note("10 connections are open, the maximum")
    assert all_logs.text.count("the maximum") == 2
