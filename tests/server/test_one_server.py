"""Two servers on one store: the second one is refused, and changes nothing."""

import asyncio
from pathlib import Path

import pytest

from latchkey.simulator import ServerDied, ServerProcess
from tests.support.running import running
from tests.support.stores import files

MANY_STARTS = 100


class SecondServer(ServerProcess):
    """A server with a log of its own in the folder of another one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.log = folder / "second.log"


@pytest.mark.gen_test(timeout=60)
async def test_a_second_server_is_refused_and_the_first_one_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        before = files(tmp_path / "data")
        with pytest.raises(ServerDied) as died:
            await SecondServer(tmp_path).start(it.slack)
        first = f"process {it.server.pid}, which listens on http://127.0.0.1:{it.server.port}"
        assert first in str(died.value)
        assert "hint: stop that server first" in str(died.value)
        assert files(tmp_path / "data") == before
        assert await it.status("/readyz") == 200
        assert await it.server.stop() == 0


@pytest.mark.gen_test(timeout=60)
async def test_of_two_servers_that_start_together_on_a_new_store_one_runs(tmp_path: Path) -> None:
    await start_two(tmp_path)


@pytest.mark.long
@pytest.mark.gen_test(timeout=1800)
async def test_of_two_servers_that_start_together_one_runs_a_hundred_times(tmp_path: Path) -> None:
    for number in range(MANY_STARTS):
        # Every fourth time there is no store yet.
        folder = tmp_path / str(number // 4)
        folder.mkdir(exist_ok=True)
        await start_two(folder)


async def start_two(folder: Path) -> None:
    """Start two servers at once; exactly one runs, and the other exits with an error that names it."""
    one, two = ServerProcess(folder), SecondServer(folder)
    one.log.unlink(missing_ok=True)
    two.log.unlink(missing_ok=True)
    slack = one.make_slack()
    two.credentials = one.credentials
    slack.start()
    try:
        results = await asyncio.gather(one.start(slack), two.start(slack), return_exceptions=True)
        refused = [error for error in results if isinstance(error, ServerDied)]
        assert len(refused) == 1, results
        assert "has a server already: process " in str(refused[0])
        winner = one if results[0] is None else two
        assert f"process {winner.pid}, " in str(refused[0])
        assert await winner.stop() == 0
    finally:
        for server in (one, two):
            if server.is_running():
                server.kill()
        await slack.close()
