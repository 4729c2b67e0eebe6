"""More connections than the server has descriptors for: Slack is answered, and the processor stays free."""

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from latchkey.simulator import ServerProcess
from tests.support.network.raw_http import connect
from tests.support.running import Running, running

WATCHED_SECONDS = 2.0


class LimitedServer(ServerProcess):
    """A server with a limited number of file descriptors."""

    def __init__(self, folder: Path, *, soft: int, hard: int) -> None:
        super().__init__(folder)
        self._limits = soft, hard

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, self._limits),  # noqa: PLW1509
        )


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def strangers(it: Running, count: int, *, reconnect: bool) -> AsyncIterator[None]:
    """Keep this number of connections open; reconnect at once if the server closes one."""

    async def stay() -> None:
        while True:
            reader, writer = await connect(it.server.url)
            try:
                await reader.read()
            except ConnectionError:
                pass
            finally:
                writer.close()
            if not reconnect:
                return

    tasks = [asyncio.ensure_future(stay()) for _ in range(count)]
    await asyncio.sleep(1)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def crowd(folder: Path, descriptors: int, count: int, *, reconnect: bool) -> None:
    async with running(folder, LimitedServer, soft=descriptors, hard=descriptors) as it:
        assert await it.install() == 200
        async with strangers(it, count, reconnect=reconnect):
            before = processor_seconds(it.server.pid)
            await asyncio.sleep(WATCHED_SECONDS)
            share = (processor_seconds(it.server.pid) - before) / WATCHED_SECONDS
            answers = [await it.slack.people.mention(it.slack.workspace(), "hello") for _ in range(3)]
        log = it.server.log.read_text()
        slowest = max(answer.milliseconds for answer in answers)
        print(f"{descriptors} descriptors, {count} strangers: {share:.2f} of a core, answered in {slowest:.0f} ms")
        assert [answer.status for answer in answers] == [200] * 3
        assert share < 0.1
        assert log.count("idle ones are closed for new ones") == 1
        assert "Traceback" not in log
        assert len(log) < 20_000


@pytest.mark.gen_test(timeout=30)
async def test_more_strangers_than_descriptors_do_not_keep_slack_out(tmp_path: Path) -> None:
    await crowd(tmp_path, descriptors=64, count=100, reconnect=False)


@pytest.mark.long
@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("reconnect", [False, True])
@pytest.mark.parametrize("descriptors", [64, 128])
async def test_400_strangers_do_not_keep_slack_out(tmp_path: Path, descriptors: int, *, reconnect: bool) -> None:
    await crowd(tmp_path, descriptors, 400, reconnect=reconnect)


@pytest.mark.gen_test(timeout=30)
async def test_raises_the_soft_limit_of_descriptors(tmp_path: Path) -> None:
    async with running(tmp_path, LimitedServer, soft=64, hard=2048) as it:
        limits = Path(f"/proc/{it.server.pid}/limits").read_text()
    assert "Max open files            2048                 2048" in limits
