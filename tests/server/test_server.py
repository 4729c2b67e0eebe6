"""The server as a process: starting, refusing to start, stopping, and being killed."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from latchkey.simulator import ServerDied, ServerProcess
from tests.support.command_line import CREDENTIALS, NO_FIXED_PORTS, run
from tests.support.running import running
from tests.support.waiting import until

STOPPING = "stopping: "
"""In the log, after the first signal."""
IMPATIENT_APP = """\
from latchkey.handlers.transport import Clients
Clients.__init__.__kwdefaults__.update(idle_timeout=0.5, body_timeout=0.5)
def register(app): pass
"""
"""Disconnects slow clients after half a second, and up to a second later."""


def serve(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "serve", *arguments, **{**CREDENTIALS, **NO_FIXED_PORTS, **environ})


@contextmanager
def taken_address() -> Iterator[str]:
    """Yield the address of a port that another program listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_bad_configuration_lists_every_fault_and_exits_78(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[server]\npublic_url = 5\nlisteen = 'x'\n")
    done = serve(tmp_path, SLACK_SIGNING_SECRET="")
    assert done.returncode == 78
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey"] * 3 + ["hint"]
    assert "did you mean listen?" in done.stderr


def test_missing_secrets_exit_78_and_suggest_the_demo(tmp_path: Path) -> None:
    done = serve(tmp_path, SLACK_CLIENT_SECRET="", SLACK_SIGNING_SECRET="")
    assert done.returncode == 78
    assert "SLACK_CLIENT_SECRET: must be set" in done.stderr
    assert "latchkey demo" in done.stderr
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("arguments", [("--nonsense",), ("serve",), ("--listen",)])
def test_wrong_usage_exits_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert serve(tmp_path, *arguments).returncode == 2


def test_busy_port_is_one_line_with_a_hint(tmp_path: Path) -> None:
    with taken_address() as address:
        done = serve(tmp_path, "--listen", address)
    assert done.returncode == 1
    assert f"latchkey: cannot listen on {address}: Address already in use" in done.stderr
    assert "or choose another address with [server] listen or --listen HOST:PORT\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir()), "a start that is refused creates nothing"


def test_all_reasons_against_a_start_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    done = serve(
        tmp_path,
        LATCHKEY_LISTENERS_MODULES="their_app",
        LATCHKEY_SERVER_LISTEN="no-such-host.invalid:80",
        SLACK_SIGNING_SECRET="x",
    )
    assert done.returncode == 78
    lines = [line for line in done.stderr.splitlines() if line.startswith("latchkey: ")]
    assert len(lines) == 4
    for said in ("SLACK_SIGNING_SECRET: expected 32", "data is a file", "no-such-host.invalid", "their_app"):
        assert said in done.stderr


class ServerWithAnOpenConfiguration(ServerProcess):
    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> "subprocess.Popen[bytes]":
        (self.folder / "config.toml").chmod(0o666)
        return super().spawn(command, environment, log)


@pytest.mark.gen_test(timeout=30)
async def test_a_problem_that_does_not_prevent_the_start_is_logged(tmp_path: Path) -> None:
    async with running(tmp_path, ServerWithAnOpenConfiguration) as it:
        assert await it.status("/healthz") == 200
        assert (
            f"WARNING latchkey config-permissions: {tmp_path}/config.toml: has mode 0666" in it.server.log.read_text()
        )


@pytest.mark.parametrize("setting", ["LATCHKEY_SERVER_LISTEN", "LATCHKEY_METRICS_LISTEN"])
def test_server_that_finds_a_port_taken_creates_nothing(tmp_path: Path, setting: str) -> None:
    with taken_address() as address:
        done = serve(tmp_path, **{setting: address})
    assert (done.returncode, "Address already in use" in done.stderr) == (1, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.gen_test(timeout=30)
async def test_server_that_finds_its_port_taken_leaves_running_events_alone(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "def register(app):\n"
        "    @app.event('app_mention')\n"
        "    async def slow():\n"
        f"        with open({str(tmp_path / 'runs')!r}, 'a') as runs:\n"
        "            runs.write('run\\n')\n"
        "        while not Path('finish').exists():\n"
        "            await asyncio.sleep(0.01)\n"
    )
    environment = {"LATCHKEY_LISTENERS_MODULES": "slow_app"}
    async with running(tmp_path, environment=environment) as it:
        assert await it.install() == 200
        assert (await it.slack.people.mention(it.slack.workspace(), "x")).status == 200
        listen = f"127.0.0.1:{it.server.port}"
        done = await asyncio.to_thread(serve, tmp_path, "--config", "config.toml", "--listen", listen, **environment)
        assert (done.returncode, "Address already in use" in done.stderr) == (1, True)
        assert (it.rows("inbox"), it.rows("retries")) == (1, 0), "a recovered event has a record of its own"
        (tmp_path / "finish").touch()
        assert await it.server.stop() == 0
    assert (tmp_path / "runs").read_text() == "run\n"


def test_refused_store_is_one_line_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "store.sqlite").write_bytes(b"")
    done = serve(tmp_path, **NO_FIXED_PORTS)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].endswith("is empty (zero bytes)")
    assert done.stderr.splitlines()[1].startswith("hint: ")


def test_missing_listener_module_prevents_the_start(tmp_path: Path) -> None:
    done = serve(tmp_path, LATCHKEY_LISTENERS_MODULES="their_app")
    assert done.returncode == 1
    assert "latchkey: listener module their_app: there is no such module" in done.stderr


@pytest.mark.gen_test(timeout=30)
async def test_sigterm_finishes_running_requests_and_exits_0(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "def register(app):\n"
        "    @app.command('/slow')\n"
        "    async def slow(ack, say):\n"
        "        Path('started').touch()\n"
        "        while not Path('finish').exists():\n"
        "            await asyncio.sleep(0.01)\n"
        "        await ack('done')\n"
        "        await asyncio.sleep(0.1)\n"
        "        await say('finished')\n"
    )
    async with running(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "slow_app"}) as it:
        assert await it.install() == 200
        asked = asyncio.ensure_future(it.slack.people.command(it.slack.workspace(), "/slow"))
        await until((tmp_path / "started").exists)
        stopping = asyncio.ensure_future(it.server.stop())
        await until(lambda: STOPPING in it.server.log.read_text())
        (tmp_path / "finish").touch()
        code, answer = await stopping, await asked
        assert (code, answer.status, answer.body) == (0, 200, "done")
        assert it.slack.world.messages[-1].text == "finished"
        log = it.server.log.read_text()
        assert log.rstrip().endswith("stopped")
        assert "Traceback" not in log
        assert "Unclosed" not in log


@pytest.mark.parametrize("stuck", ["async def stuck(): await asyncio.sleep(3600)", "def stuck(): time.sleep(3600)"])
@pytest.mark.gen_test(timeout=30)
async def test_endless_listener_does_not_delay_the_stop(tmp_path: Path, stuck: str) -> None:
    (tmp_path / "stuck_app.py").write_text(
        f"import asyncio, time\ndef register(app):\n    @app.event('app_mention')\n    {stuck}\n"
    )
    environment = {"LATCHKEY_LISTENERS_MODULES": "stuck_app", "LATCHKEY_SERVER_DRAIN_SECONDS": "0.5"}
    async with running(tmp_path, environment=environment) as it:
        assert await it.install() == 200
        assert (await it.slack.people.mention(it.slack.workspace(), "x")).status == 200
        begun = time.monotonic()
        assert await it.server.stop() == 0
        assert time.monotonic() - begun < 5
        assert "0 listeners and 1 events unfinished; the next start resumes the events" in it.server.log.read_text()


@pytest.mark.gen_test(timeout=30)
async def test_second_signal_exits_immediately(tmp_path: Path) -> None:
    (tmp_path / "stuck_app.py").write_text(
        "import asyncio\ndef register(app):\n    @app.event('app_mention')\n"
        "    async def stuck():\n        await asyncio.sleep(3600)\n"
    )
    async with running(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "stuck_app"}) as it:
        await it.install()
        await it.slack.people.mention(it.slack.workspace(), "x")
        os.kill(it.server.pid, signal.SIGTERM)
        await until(lambda: STOPPING in it.server.log.read_text())
        begun = time.monotonic()
        assert await it.server.stop() == 1
        assert time.monotonic() - begun < 3


@pytest.mark.gen_test(timeout=30)
async def test_killed_server_restarts_with_all_its_data(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        it.server.kill()
        await it.server.start(it.slack)
        answer = await it.slack.people.command(it.slack.workspace(), "/open-modal")
        assert (answer.status, answer.body) == (200, "")
        assert it.slack.world.views


@pytest.mark.gen_test(timeout=30)
async def test_only_the_first_start_warns_that_the_keyring_needs_a_backup(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.server.stop()
        await it.server.start(it.slack)
        assert it.server.log.read_text().count("back it up now") == 1


@pytest.mark.parametrize("impatient", [True, pytest.param(False, marks=pytest.mark.long)])
@pytest.mark.gen_test(timeout=60)
async def test_slow_clients_are_disconnected_without_affecting_others(tmp_path: Path, impatient: bool) -> None:
    (tmp_path / "impatient_app.py").write_text(IMPATIENT_APP)
    environment = {"LATCHKEY_LISTENERS_MODULES": "impatient_app"} if impatient else {}
    async with running(tmp_path, environment=environment) as it:
        heads = [b"POST /slack/events HTTP/1.1\r\nHost: x\r\n", b"POST /slack/events HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\na",
                 b"POST /slack/install HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\na", b""]  # fmt: skip
        clients = []
        for number in range(200):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
            writer.write(heads[number % len(heads)])
            clients.append((reader, writer))
        assert await it.status("/healthz") == 200
        await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in clients)), 12)
        for _, writer in clients:
            writer.close()
        assert await it.status("/healthz") == 200


def test_start_failure_reports_its_reason(tmp_path: Path) -> None:
    async def start() -> None:
        async with running(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "nothing_there"}):
            pass

    with pytest.raises(ServerDied, match="there is no such module"):
        asyncio.run(start())


@pytest.mark.gen_test(timeout=30)
async def test_json_logs_are_json_lines(tmp_path: Path) -> None:
    import json

    async with running(tmp_path, environment={"LATCHKEY_LOG_FORMAT": "json"}) as it:
        await it.status("/healthz")
        await it.server.stop()
        documents = [json.loads(line) for line in it.server.log.read_text().splitlines()]
        access = next(document for document in documents if document["logger"] == "latchkey.access")
        assert access["message"] == "GET /healthz 200"
        assert re.fullmatch(r"\d+\.\d", access["ms"])
