"""The life of a store whose server runs: installs, events, backups, a rotation under load, a restore, restarts.

Run as `python server_life.py HOME`. It acknowledges what Slack, browsers and operators have been promised.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from pathlib import Path

from latchkey.simulator import JSON
from tests.durability.power_cuts.recording import ACKNOWLEDGEMENTS, acknowledge
from tests.support.command_line import impatient, run
from tests.support.running import Running, running

HOME = Path(sys.argv[1])
BACKUPS = HOME / "backups"
PAUSE_SECONDS = 0.02
LISTENER = """
import json, os

def register(app):
    @app.event("app_mention")
    def mention(body):
        line = json.dumps({"did": "handle", "id": body["event_id"]}) + "\\n"
        handle = os.open(os.environ["ACKNOWLEDGEMENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)
        if int(body["event"]["text"]) % 3 == 0:
            raise ValueError("again")
"""
note = functools.partial(acknowledge, HOME.parent / ACKNOWLEDGEMENTS)


def command(*arguments: str) -> str:
    done = run(HOME, *arguments, program=impatient(2.0))
    assert done.returncode == 0, done.stderr
    return done.stdout


async def install(it: Running, team: str) -> None:
    note(does="install", team=team)
    assert await it.install(team) == 200
    note(did="install", team=team)


async def events(it: Running, count: int) -> None:
    acme = it.slack.workspace()
    for number in range(count):
        event = {"type": "app_mention", "user": "U0ALICE", "text": str(number), "channel": acme.channel_id}
        body = it.slack.sender.event_body(acme, event)
        assert (await it.slack.sender.send("event", body, JSON)).status == 200
        note(did="event", id=json.loads(body)["event_id"])


async def beside(it: Running, *arguments: str) -> str:
    """Run a command while events arrive; returns what it prints."""
    running_command = asyncio.create_task(asyncio.to_thread(command, *arguments))
    while not running_command.done():
        await events(it, 2)
        await asyncio.sleep(PAUSE_SECONDS)
    return await running_command


async def back_up(it: Running) -> None:
    # Only installations made before the command was started are surely in it.
    path = (await beside(it, "backup")).strip()
    note(did="backup", path=str(Path(path).relative_to(HOME)))


async def main() -> None:
    HOME.joinpath("listener.py").write_text(LISTENER)
    environment = {
        "LATCHKEY_LISTENERS_MODULES": "listener",
        "ACKNOWLEDGEMENTS": str(HOME.parent / ACKNOWLEDGEMENTS),
    }
    async with running(HOME, environment=environment) as it:
        note(did="start")
        for team in ("T0ACME", "T0BIRCH"):
            await install(it, team)
        await events(it, 12)
        await back_up(it)
        note(does="remove", team="T0BIRCH")
        await beside(it, "installs", "remove", "T0BIRCH", "--local", "--yes")
        note(did="remove", team="T0BIRCH")
        rotated = json.loads(await beside(it, "keys", "rotate", "--yes", "--json"))
        note(did="rotate", key=rotated["key_id"])
        await install(it, "T0CEDAR")
        await back_up(it)
        it.server.kill()
        await it.server.start(it.slack)
        await install(it, "T0BIRCH")
        await events(it, 6)
        await it.server.stop()
        newest = max(path for path in BACKUPS.iterdir() if not path.name.startswith("."))
        note(does="restore", path=str(newest.relative_to(HOME)))
        await asyncio.to_thread(command, "restore", str(newest), "--yes", "--offline")
        note(did="restore")
        await it.server.start(it.slack)
        await events(it, 6)
        await install(it, "T0BIRCH")
        await it.server.stop()


asyncio.run(main())
