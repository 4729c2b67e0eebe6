"""A start on a full disk: the server runs as it did before, and uses the space that becomes free."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from latchkey.simulator import ServerDied
from tests.support.command_line import CREDENTIALS, NO_FIXED_PORTS, run
from tests.support.running import running
from tests.support.waiting import until

SLOW_APP = """
import asyncio
from pathlib import Path
def register(app):
    @app.event("app_mention")
    async def slow(context):
        with open({runs!r}, "a") as runs:
            runs.write(f"{{context['attempt']}}\\n")
        if context["attempt"] == 1:
            await asyncio.sleep(3600)
    @app.command("/ping")
    async def ping(ack):
        await ack("pong")
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A disk of four megabytes; None if this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("this user may not mount a small disk")
        yield None
        return
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill the disk to its last byte."""
    ballast = disk / "ballast"
    with suppress(OSError), open(ballast, "wb", 0) as file:
        while True:
            file.write(bytes(4096))
    assert not os.statvfs(disk).f_bfree
    yield
    ballast.unlink()


@pytest.mark.parametrize("markers_stay", [True, False], ids=["a dead process's file", "not a byte"])
@pytest.mark.gen_test(timeout=60)
async def test_a_killed_server_starts_again_on_a_full_disk(
    disk: Path | None, tmp_path: Path, markers_stay: bool
) -> None:
    if disk is None:
        return
    runs = tmp_path / "runs"
    (disk / "slow_app.py").write_text(SLOW_APP.format(runs=str(runs)))
    async with running(disk, environment={"LATCHKEY_LISTENERS_MODULES": "slow_app"}) as it:
        assert await it.install() == 200
        workspace = it.slack.workspace()
        assert (await it.slack.people.mention(workspace, "x")).status == 200
        await until(lambda: runs.exists() and runs.read_text() == "1\n")  # first empty, then written
        it.server.log = tmp_path / "second.log"  # not on the full disk
        if not markers_stay:
            for marker in (disk / "data" / "store.sqlite.open").iterdir():
                marker.unlink()
        with full(disk):
            it.server.kill()
            await it.server.start(it.slack)
            assert (await it.slack.people.command(workspace, "/ping")).body == "pong"
            assert (await it.slack.people.mention(workspace, "y")).status == 503
            assert (await it.status("/healthz"), await it.status("/readyz")) == (200, 503)
            assert runs.read_text() == "1\n"
        # The acknowledged event is retried once its attempt can be written.
        await until(lambda: runs.read_text() == "1\n2\n")
        assert await it.status("/readyz") == 200
        await until(lambda: it.rows("inbox") == it.rows("retries") == 0)


@pytest.mark.gen_test(timeout=60)
async def test_a_stopped_server_that_cannot_create_sqlites_files_names_the_full_disk(
    disk: Path | None, tmp_path: Path
) -> None:
    if disk is None:
        return
    async with running(disk) as it:
        assert await it.server.stop() == 0
        it.server.log = tmp_path / "second.log"
        with full(disk), pytest.raises(ServerDied, match="the disk is full"):
            await it.server.start(it.slack)
        await it.server.start(it.slack)
        assert await it.status("/readyz") == 200


@pytest.mark.gen_test(timeout=60)
async def test_a_first_start_on_a_full_disk_fails_in_one_line_and_can_be_repeated(disk: Path | None) -> None:
    if disk is None:
        return
    with full(disk):
        done = await asyncio.to_thread(run, disk, "serve", **CREDENTIALS, **NO_FIXED_PORTS)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    async with running(disk) as it:
        assert await it.status("/readyz") == 200
