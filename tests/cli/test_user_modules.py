"""An author's own modules may have the names of ours, however the server and the commands are started."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from latchkey.simulator import ServerProcess
from tests.support.command_line import ROOT
from tests.support.running import running

NAMES = ("config", "errors", "logs", "storage", "handlers", "commands", "doctor", "metrics", "server")
IMPORTS = "; ".join(f"from {name} import OWNER as {name}_owner" for name in NAMES)
OWNERS = "[" + ", ".join(f"{name}_owner" for name in NAMES) + "]"
EXPECTED = ", ".join(f"author's {name}" for name in NAMES)
LISTENERS = """
{top}

def register(app):
    app.event("app_mention")(mention)
    app.command("/owners")(owners)

async def mention(say):
    {lazy}
    await say(", ".join({owners}))

async def owners(ack):
    {lazy}
    await ack(", ".join({owners}))
"""
STARTS = {
    "latchkey": [str(Path(sys.executable).with_name("latchkey")), "serve"],
    "python -m latchkey": [sys.executable, "-m", "latchkey", "serve"],
    "python server.py": [sys.executable, str(ROOT / "server.py")],
}


@pytest.fixture(params=["at the top", "inside a listener"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An author's folder, whose listener module imports a module of each name."""
    for name in NAMES:
        path = tmp_path / name / "__init__.py" if name == "handlers" else tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'OWNER = "author\'s {name}"\n')
    (tmp_path / "listeners").mkdir()
    top, lazy = (IMPORTS, "pass") if request.param == "at the top" else ("", IMPORTS)
    (tmp_path / "listeners" / "__init__.py").write_text(LISTENERS.format(top=top, lazy=lazy, owners=OWNERS))
    return tmp_path


def server_started_by(name: str) -> type[ServerProcess]:
    """Return a server that is started in this way, in the author's folder, with the default `listeners`."""

    class AuthorsServer(ServerProcess):
        def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
            config = self.folder / "config.toml"
            config.write_text(config.read_text().replace('modules = ["latchkey.example"]', ""))
            return super().spawn([*STARTS[name], "--config", str(config)], environment, log)

    return AuthorsServer


async def serve(folder: Path, how: str) -> dict[str, str]:
    """Serve an event and a command; returns the environment that the server had."""
    async with running(folder, server_started_by(how)) as started:
        assert await started.install() == 200
        people, acme = started.slack.people, started.slack.workspace()
        answer = await people.command(acme, "/owners")
        assert (answer.status, EXPECTED in answer.body) == (200, True), answer.body
        assert (await people.mention(acme, "hello")).status == 200
        async with asyncio.timeout(10):
            while not any(message.text == EXPECTED for message in started.slack.world.messages):
                await asyncio.sleep(0.05)
        return started.server.credentials


@pytest.mark.parametrize("how", STARTS)
def test_server_and_commands_leave_the_names_to_the_author(folder: Path, how: str) -> None:
    environ = asyncio.run(serve(folder, how))
    environ["LATCHKEY_SERVER_PUBLIC_URL"] = "https://slack.example.com"
    start = STARTS[how][:-1] if how != "python server.py" else STARTS["latchkey"][:-1]

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*start, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )

    manifest = command("manifest")
    assert manifest.returncode == 0, manifest.stderr
    assert "/owners" in manifest.stdout
    findings = json.loads(command("doctor", "--offline", "--json").stdout)["findings"]
    assert "listeners-fail" not in [finding["code"] for finding in findings]
    assert command("events", "status").returncode == 0
    installs = command("installs", "list", "--json")
    assert [row["team_id"] for row in json.loads(installs.stdout)["installs"]] == ["T0ACME"]
