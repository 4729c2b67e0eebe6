"""The server when nothing reads its standard error."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from latchkey.simulator import ServerProcess
from tests.support.running import Running, running


class PipedServer(ServerProcess):
    """A server whose standard error is a pipe; it is copied to the log file, except while `is_read` is not set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_read = threading.Event()
        self.is_read.set()

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.PIPE, cwd=self.folder
        )
        assert process.stderr is not None
        self.copier = threading.Thread(target=self._copy, args=(process.stderr,))
        self.copier.start()
        return process

    def _copy(self, pipe: BinaryIO) -> None:
        with open(self.log, "ab", buffering=0) as log, pipe:
            while piece := os.read(pipe.fileno(), 4096):
                log.write(piece)
                self.is_read.wait()


async def requests(it: Running, count: int) -> None:
    """Send requests whose log lines have about a hundred bytes each, more than a pipe takes."""
    for start in range(0, count, 50):
        statuses = await asyncio.gather(
            *(it.status(f"/nothing/{'x' * 80}") for _ in range(start, min(start + 50, count)))
        )
        assert set(statuses) == {404}


@pytest.mark.gen_test(timeout=60)
async def test_requests_are_answered_while_nothing_reads_the_log(tmp_path: Path) -> None:
    async with running(tmp_path, PipedServer) as it:
        assert await it.install() == 200
        it.server.is_read.clear()
        await requests(it, 600)
        answer = await it.slack.people.mention(it.slack.workspace(), "hello")
        assert answer.status == 200
        it.server.is_read.set()
        assert await it.server.stop() == 0
        it.server.copier.join(5)
    log = it.server.log.read_text()
    assert log.count("GET /nothing/") == 600
    assert log.rstrip().endswith("stopped")


@pytest.mark.long
@pytest.mark.gen_test(timeout=240)
async def test_dropped_lines_are_counted_and_reported(tmp_path: Path) -> None:
    async with running(tmp_path, PipedServer) as it:
        it.server.is_read.clear()
        metrics = it.server.metrics_url
        await requests(it, 9000)
        counted = (
            (await it.browser.get(metrics)).body.decode().partition("\nlatchkey_log_lines_dropped_total ")[2].split()[0]
        )
        it.server.is_read.set()
        await asyncio.sleep(1)
        await requests(it, 1)
        assert await it.server.stop() == 0
        it.server.copier.join(5)
    log = it.server.log.read_text()
    assert float(counted) > 0
    assert log.count("GET /nothing/") == 9001 - float(counted)
    assert f"WARNING latchkey {float(counted):.0f} log lines were dropped" in log
