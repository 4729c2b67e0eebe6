"""Runs a workbench in the test's own event loop, on an app in a folder, and records what it shows."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from latchkey.config import load_settings
from latchkey.dev.run import Workbench, listen
from tests.support.waiting import until

NATIVE = '[listeners]\nmodules = ["ours"]\n'
MOUNTED = '[bolt]\nmodules = ["ours"]\n'
LISTENERS = """\
from pathlib import Path

def register(app):
    app.event("app_mention")(mention)
    app.command("/version")(answer)

async def mention(event):
    with Path("events").open("a") as file:
        file.write(event["text"].split()[-1] + "\\n")

async def answer(ack):
    await ack("first")
"""


class Recording:
    """Observes a workbench."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.manifests: list[dict[str, Any]] = []
        self.installs = 0
        self.said: list[str] = []
        self.failed: list[str] = []
        self.pids: list[int] = []

    def describe(self, manifest: dict[str, Any]) -> None:
        self.manifests.append(manifest)

    def installed(self) -> None:
        self.installs += 1

    def say(self, text: str) -> None:
        self.said.append(text)

    def drifted(self, text: str) -> None:
        self.said.append(text)

    def fail(self, text: str) -> None:
        self.failed.append(text)

    def save(self, text: str, name: str = "ours.py") -> None:
        (self.folder / name).write_text(text)

    async def saved(self, text: str, name: str = "ours.py") -> list[str]:
        """Save a file, wait until the app is reloaded, and return what was shown."""
        before = len(self.said)
        self.save(text, name)
        await until(lambda: any(line.startswith("reloaded") for line in self.said[before:]))
        return self.said[before:]

    async def refused(self, text: str, name: str = "ours.py") -> str:
        """Save a file with a mistake and return the error."""
        before = len(self.failed)
        self.save(text, name)
        await until(lambda: len(self.failed) > before)
        return self.failed[-1]

    async def version(self) -> str:
        """Return how the running version answers the command /version."""
        response = await self.bench.slack.people.command(self.bench.slack.workspace(), "/version")
        return response.body

    def log(self) -> str:
        return self.bench.log.read_text()


@asynccontextmanager
async def workbench(tmp_path: Path, config: str = NATIVE, listeners: str = LISTENERS) -> AsyncIterator[Recording]:
    """Start one on a new app; its processes are ended by their ids."""
    folder, private = tmp_path / "app", tmp_path / "private"
    folder.mkdir()
    private.mkdir(mode=0o700)
    (folder / "config.toml").write_text(config)
    (folder / "ours.py").write_text(listeners)
    with listen(0) as listening:
        bench = Workbench(load_settings(folder / "config.toml", {}, {}), listening, private)
        recording = Recording(bench, folder)
        running = asyncio.create_task(bench.run(recording, recording.pids.append))
        try:
            await until(lambda: recording.installs or recording.failed)
            yield recording
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            for pid in recording.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
