"""SIGKILL after an install was answered: the next start runs the `installed` listeners."""

from pathlib import Path

import pytest

from tests.support.running import running
from tests.support.waiting import until

HOOKS = """
import asyncio, pathlib

def register(app):
    @app.installed
    async def note(team_id, attempt):
        if not pathlib.Path("go").exists():
            await asyncio.sleep(60)
        pathlib.Path("installed").write_text(f"{team_id} {attempt}")
"""


@pytest.mark.gen_test(timeout=60)
async def test_an_installed_listener_that_was_killed_runs_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(HOOKS)
    async with running(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "hooks"}) as it:
        assert await it.install() == 200
        it.server.kill()
        (tmp_path / "go").touch()
        await it.server.start(it.slack)
        installed = tmp_path / "installed"
        await until(lambda: installed.exists() and installed.read_text())  # first empty, then written
        assert installed.read_text().startswith("T0ACME")
