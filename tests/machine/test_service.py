"""The installed service on a booted Debian: all steps of an app, restarts, kills, the watchdog, and the sandbox."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.simulator import DemoCheck
from tests.machine.installed import STORE, InstalledServer, configure, running_with_slack
from tests.machine.machine import Machine
from tests.support.load.event_load import Load

pytestmark = pytest.mark.boot
PROBE = (Path(__file__).parent / "probe_app.py").read_text()
PROFILES = ["network", "no-network"]
SLOWEST_MILLISECONDS = 2500
TIMES = [pytest.param(20, marks=pytest.mark.long), 4]


@pytest.fixture(scope="module")
def server(machine: Machine) -> InstalledServer:
    server = InstalledServer(machine, machine.root.parent / "links")
    machine.run("sh", "/root/latchkey/latchkey", "install-service", *server.write_secrets())
    configure(server, {"probe_app": PROBE})
    return server


@pytest.fixture(params=PROFILES)
def profile(server: InstalledServer, request: pytest.FixtureRequest) -> str:
    """The service with or without network access; without it, a forwarder leads to the simulated Slack."""
    server.machine.run("latchkey", "install-service", f"--{request.param}")
    if request.param == "no-network":
        server.machine.run("systemctl", "start", "latchkey-forward@localhost:8090.socket")
    server.machine.run("systemctl", "restart", "latchkey.service")
    return str(request.param)


@pytest.mark.gen_test(timeout=120)
async def test_every_step_of_an_app_works(
    server: InstalledServer, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_with_slack(server) as it:
        assert await DemoCheck(server, it.slack).run(), capsys.readouterr().out


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.gen_test(timeout=300)
async def test_restarts_under_load_lose_no_request_and_delay_none_beyond_the_limit(
    server: InstalledServer, profile: str, times: int
) -> None:
    async with running_with_slack(server) as it:
        assert await it.install() == 200
        load = Load(it)
        pollers = [Poller(server.port) for _ in range(4)]
        tasks = [asyncio.ensure_future(poller.poll()) for poller in pollers]
        async with load.flowing():
            for _ in range(times):
                await asyncio.sleep(0.3)
                await server.restart()
        for poller in pollers:
            poller.stopping = True
        await asyncio.gather(*tasks)
        await load.settled()
        assert set(load.statuses) == {200}
        assert not load.lost()
        slowest = max(load.slowest, *(poller.slowest for poller in pollers))
        print(
            f"{profile}: {times} restarts, {load.statuses[200]} requests and {sum(poller.responses for poller in pollers)} "
            f"on kept connections, none failed, slowest {slowest:.0f} ms"
        )
        assert slowest < SLOWEST_MILLISECONDS


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.gen_test(timeout=600)
async def test_kills_under_load_lose_no_acknowledged_event(server: InstalledServer, profile: str, times: int) -> None:
    chance = random.Random(times)
    async with running_with_slack(server) as it:
        assert await it.install() == 200
        load = Load(it)
        longest = 0.0
        for _ in range(times):
            pid = server.pid
            async with load.flowing():
                await asyncio.sleep(chance.uniform(0.05, 0.5))
                await server.signal("KILL")
                longest = max(longest, await server.replaced(pid, 10))
        await load.settled()
        assert len(load.acknowledged) > 10 * times
        assert not load.lost()
        print(
            f"{profile}: {times} kills, {len(load.acknowledged)} events acknowledged, none lost; "
            f"back after {longest:.2f} s at the longest"
        )


@pytest.mark.gen_test(timeout=120)
async def test_keys_can_be_rotated_while_the_service_runs(server: InstalledServer, profile: str) -> None:
    async with running_with_slack(server) as it:
        assert await it.install() == 200
        load, pid = Load(it), server.pid
        async with load.flowing():
            rotating = await asyncio.to_thread(server.machine.run, "latchkey", "keys", "rotate", "--yes", "--json")
        await load.settled()
        rotated = json.loads(rotating.stdout)
        assert rotated["ok"]
        assert len(rotated["retired"]) == 1
        assert rotated["backup"]
        assert set(load.statuses) == {200}
        assert not load.lost()
        assert server.pid == pid, "the service picks up the key without a restart"
        status = json.loads(server.machine.run("latchkey", "keys", "status", "--json").stdout)
        assert [process["key_ids"][0] for process in status["processes"]] == [status["keys"][0]["key_id"]]
        assert await it.status("/readyz") == 200
        print(f"{profile}: {rotated['reencrypted']} records under a new key during {len(load.acknowledged)} events")


@pytest.fixture
def shorter_watchdog(server: InstalledServer) -> Iterator[float]:
    """The seconds of a watchdog that is shorter than the unit's, because the test waits for it."""
    dropin = server.machine.root / "etc/systemd/system/latchkey.service.d/watchdog.conf"
    dropin.parent.mkdir(exist_ok=True)
    dropin.write_text("[Service]\nWatchdogSec=4s\n")
    server.machine.run("systemctl", "daemon-reload")
    server.machine.run("systemctl", "restart", "latchkey.service")
    yield 4.0
    dropin.unlink()
    server.machine.run("systemctl", "daemon-reload")


@pytest.mark.usefixtures("profile")
@pytest.mark.gen_test(timeout=60)
async def test_systemd_replaces_a_server_that_hangs(server: InstalledServer, shorter_watchdog: float) -> None:
    async with running_with_slack(server) as it:
        pid = server.pid
        await server.signal("STOP")
        took = await server.replaced(pid, shorter_watchdog + 10)
        assert took > shorter_watchdog / 2
        assert await it.status("/readyz") == 200
        assert "Watchdog timeout" in server.machine.journal("--unit=latchkey.service", "--lines=1000")
        print(f"replaced {took:.1f} s after SIGSTOP")


@pytest.mark.gen_test(timeout=60)
async def test_the_sandbox_has_no_shell_no_capability_and_no_other_process(
    server: InstalledServer, profile: str
) -> None:
    async with running_with_slack(server) as it:
        assert await it.install() == 200
        response = await it.slack.people.command(it.slack.workspace(), "/probe")
        assert (response.status, response.body) == (200, "done")
    found = json.loads((server.machine.root / STORE / "probe.json").read_text())
    python = str((server.machine.root / "usr/bin/python3").readlink())
    assert found == {
        "shells": [],
        "executable": sorted({f"/usr/bin/{python}"}),
        "from_writable": [],
        "through_the_loader": [],
        "from_memory": False,
        "written": [],
        "capabilities": dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0),
        "no_new_privileges": "1",
        "seccomp": "2",
        "processes": [],
        "signals_process_1": False,
        "kernel_settings": False,
        "devices": found["devices"],
        "writable_code": False,
        "namespace": False,
        "raw_socket": False,
        "packet_socket": False,
        "internet_socket": profile == "network",
        "core_limit": 0,
        "dumpable": False,
        "sets_core_limit": True,
        "users": [True, True],
        "reads_keyring": True,
    }
    assert not {"mem", "kmsg", "sda", "rtc0", "mapper"} & set(found["devices"])


class Poller:
    """A client that keeps its connection open, as a proxy does; a missing response fails the test."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.stopping = False
        self.slowest = 0.0
        self.responses = 0

    async def poll(self) -> None:
        while not self.stopping:
            begun = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            kept = True
            while kept and not self.stopping:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200"), head
                await reader.readexactly(len(b"ok\n"))
                self.slowest = max(self.slowest, (time.monotonic() - begun) * 1000)
                self.responses += 1
                kept = b"Connection: close" not in head
                await asyncio.sleep(0.05)
                begun = time.monotonic()
            writer.close()
