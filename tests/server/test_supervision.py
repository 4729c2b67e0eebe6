"""Notifications to systemd, its watchdog, and the sockets inherited from it."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from latchkey.errors import LatchkeyError, StoreUnavailable, UnreadableRecord
from latchkey.server import supervision
from latchkey.server.supervision import Supervisor, feed_watchdog
from tests.support.fake_systemd import SupervisedServer
from tests.support.load.event_load import JOURNAL_APP, Load
from tests.support.running import Running, running
from tests.support.waiting import until

BUSY_MACHINE_SECONDS = 2


@contextlib.asynccontextmanager
async def supervised(folder: Path, **options: Any) -> AsyncIterator[tuple[Running, SupervisedServer]]:
    async with running(folder, SupervisedServer, **options) as it:
        assert isinstance(it.server, SupervisedServer)
        with contextlib.closing(it.server):
            yield it, it.server


def notify_socket(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(folder / "notify"))
    listener.settimeout(1)
    return listener


def test_without_systemd_sends_no_notification_and_inherits_no_socket() -> None:
    supervisor = Supervisor({})
    supervisor.ready()
    supervisor.alive()
    assert (supervisor.watchdog_seconds, supervisor.sockets) == (0, {})


def test_a_notification_that_is_not_read_does_not_block_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervision, "NOTIFY_TIMEOUT", 0.05)
    with notify_socket(tmp_path):
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(1000):
            supervisor.alive()
            if caplog.records:
                break
    assert caplog.messages == ["could not notify systemd of WATCHDOG: timed out"]


def test_systemds_variables_are_not_inherited_by_children(tmp_path: Path) -> None:
    environ = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "LISTEN_FDS": "0",
        "LISTEN_PID": "1", "LISTEN_FDNAMES": "", "PATH": "/bin",
    }  # fmt: skip
    Supervisor(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "15000000"}, 15.0), ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "8"}, 0.0), ({"WATCHDOG_USEC": "soon"}, 0.0), ({}, 0.0),
    ],
)  # fmt: skip
def test_watchdog_applies_only_to_the_named_process(environ: dict[str, str], seconds: float) -> None:
    assert Supervisor(environ, 7).watchdog_seconds == seconds


def test_notifies_path_and_abstract_sockets(tmp_path: Path) -> None:
    name = f"latchkey-test-{os.getpid()}"
    for address, bound in ((str(tmp_path / "notify"), str(tmp_path / "notify")), (f"@{name}", f"\0{name}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(bound)
            listener.settimeout(1)
            Supervisor({"NOTIFY_SOCKET": address}).stopping()
            assert listener.recv(100) == b"STOPPING=1"


def test_failed_notification_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "could not notify systemd of READY" in caplog.text


def test_ignores_sockets_meant_for_another_process() -> None:
    assert Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, 2).sockets == {}


def test_refuses_a_socket_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as idle:
        monkeypatch.setattr("latchkey.server.supervision._FIRST_DESCRIPTOR", idle.fileno())
        with pytest.raises(LatchkeyError, match="not a listening stream socket") as caught:
            Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": "2"}, 2)
        idle.detach()  # the Supervisor has closed it
    assert "ListenStream" in caught.value.hint


@pytest.mark.parametrize(
    ("failure", "fed"),
    [
        (None, True),
        (StoreUnavailable("timeout", "x"), False),
        (StoreUnavailable("full", "x"), True),
        (StoreUnavailable("locked", "x"), True),
        (UnreadableRecord("meta", "probe", None, "x"), True),
    ],
    ids=["well", "timeout", "full", "locked", "unreadable"],
)
def test_only_a_hanging_store_stops_the_watchdog_notifications(
    tmp_path: Path, failure: Exception | None, fed: bool
) -> None:
    async def probe() -> None:
        if failure:
            raise failure

    with notify_socket(tmp_path) as listener:
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "15000000"})
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(feed_watchdog(supervisor, probe, sleep))
        listener.setblocking(False)
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(listener.recv(100))
    assert heard == [b"WATCHDOG=1"] * (3 if fed else 0)
    assert slept == [5.0] * 3


@pytest.mark.gen_test(timeout=30)
async def test_notifies_systemd_of_start_reload_and_stop_in_order(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (it, server):
        assert server.receive() == ["READY=1"]
        os.kill(server.pid, signal.SIGHUP)
        await server.wait_for("READY=1", before=1)
        assert await server.stop() == 0
        ready, reloading, again, stopping = server.receive()
        assert (ready, again, stopping) == ("READY=1", "READY=1", "STOPPING=1")
        assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
        it.check.search_files()


@pytest.mark.gen_test(timeout=30)
async def test_notifies_the_watchdog_while_healthy(tmp_path: Path) -> None:
    async with supervised(tmp_path, watchdog_seconds=0.6) as (_, server):
        for _ in range(5):
            await server.wait_for("WATCHDOG=1")


@pytest.mark.gen_test(timeout=30)
async def test_hanging_event_loop_stops_the_watchdog_notifications(tmp_path: Path) -> None:
    (tmp_path / "hung_app.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def register(app):\n    @app.command('/hang')\n"
        "    async def hang(ack):\n        Path('hanging').touch()\n        time.sleep(60)\n"
    )
    options = {"watchdog_seconds": 0.6, "environment": {"LATCHKEY_LISTENERS_MODULES": "hung_app"}}
    async with supervised(tmp_path, **options) as (it, server):
        assert await it.install() == 200
        asked = asyncio.ensure_future(it.slack.people.command(it.slack.workspace(), "/hang"))
        await until((tmp_path / "hanging").exists)
        before = len(server.receive())
        await asyncio.sleep(1.2)  # two periods of the watchdog
        assert len(server.receive()) == before
        server.kill()
        await asked


@pytest.mark.gen_test(timeout=30)
async def test_hanging_store_stops_the_watchdog_notifications_but_a_locked_one_does_not(tmp_path: Path) -> None:
    """The probe's thread never returns, as with a disk that does not respond."""
    (tmp_path / "stuck_app.py").write_text(
        "import threading\nfrom pathlib import Path\nfrom latchkey.storage import Store\n"
        "def hang():\n    Path('hanging').touch()\n    threading.Event().wait()\n"
        "Store.ready, real = lambda self: hang() if HANG else real(self), Store.ready\n"
        "HANG = False\n"
        "def register(app):\n    @app.command('/hang')\n"
        "    async def hang(ack):\n        global HANG\n        HANG = True\n        await ack()\n"
    )
    options = {"watchdog_seconds": 0.6, "environment": {"LATCHKEY_LISTENERS_MODULES": "stuck_app"}}
    async with supervised(tmp_path, **options) as (it, server):
        assert await it.install() == 200
        with contextlib.closing(sqlite3.connect(it.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await server.wait_for("WATCHDOG=1")
            await server.wait_for("WATCHDOG=1")
        assert (await it.slack.people.command(it.slack.workspace(), "/hang")).status == 200
        await until((tmp_path / "hanging").exists)
        before = len(server.receive())
        await until(lambda: "the store is not responding" in server.log.read_text())
        assert len(server.receive()) == before
        assert await it.status("/healthz") == 200


@pytest.mark.gen_test(timeout=60)
async def test_restart_under_load_loses_no_request_and_answers_each_in_time(tmp_path: Path) -> None:
    await restart_under_load(tmp_path, 3)


@pytest.mark.long
@pytest.mark.gen_test(timeout=300)
async def test_thirty_restarts_under_load_lose_no_request(tmp_path: Path) -> None:
    await restart_under_load(tmp_path, 30)


async def restart_under_load(folder: Path, times: int) -> None:
    (folder / "journal_app.py").write_text(JOURNAL_APP)
    (folder / "journal").touch()
    async with supervised(folder, environment={"LATCHKEY_LISTENERS_MODULES": "journal_app"}) as (it, server):
        assert await it.install() == 200
        load = Load(it)
        async with load.flowing():
            for _ in range(times):
                await asyncio.sleep(0.3)
                assert await server.stop() == 0
                server.receive()  # the socket holds only ten messages
                await server.start(it.slack)
        await load.settled()
        assert set(load.statuses) == {200}
        assert not load.lost()
        assert load.slowest < 2500
        print(f"{times} restarts: {load.statuses[200]} requests, slowest {load.slowest:.0f} ms")


@pytest.mark.gen_test(timeout=30)
async def test_running_listener_delays_a_restart_by_at_most_two_seconds(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import asyncio\ndef register(app):\n    @app.command('/slow')\n"
        "    async def slow(ack):\n        await ack()\n        await asyncio.sleep(60)\n"
    )
    async with supervised(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "slow_app"}) as (it, server):
        assert await it.install() == 200
        assert (await it.slack.people.command(it.slack.workspace(), "/slow")).status == 200
        begun = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - begun < 2 + BUSY_MACHINE_SECONDS


@pytest.mark.gen_test(timeout=30)
async def test_idle_client_gets_one_more_response_before_the_stop(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"ok\n")
        os.kill(server.pid, signal.SIGTERM)
        await until(lambda: "stopping: " in server.log.read_text())
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in answer


@pytest.mark.gen_test(timeout=30)
async def test_serves_on_an_inherited_unix_socket(tmp_path: Path) -> None:
    server = SupervisedServer(
        tmp_path, unix=True, environment={"LATCHKEY_SERVER_PUBLIC_URL": "https://app.example.com"}
    )
    slack = server.make_slack()
    slack.start()
    starting = asyncio.ensure_future(server.start(slack))  # never returns: it waits for a TCP port
    try:
        await server.wait_for("READY=1", before=0)
        reader, writer = await asyncio.open_unix_connection(tmp_path / "http.socket")
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"ready\n")
        writer.close()
        assert f"listening on unix:{tmp_path / 'http.socket'}\n" in server.log.read_text()
    finally:
        starting.cancel()
        server.kill()
        server.close()
        await slack.close()


@pytest.mark.gen_test(timeout=30)
async def test_inherited_unix_socket_requires_a_public_url(tmp_path: Path) -> None:
    server = SupervisedServer(tmp_path, unix=True)
    slack = server.make_slack()
    slack.start()
    with contextlib.suppress(Exception):
        await server.start(slack)
    assert await server.stop() == 78
    assert "[server] public_url: must be set" in server.log.read_text()
    server.close()
    await slack.close()
