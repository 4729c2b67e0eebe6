"""Latchkey installed on a machine, with access to it for Slack, a browser and the operator."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

from latchkey.simulator import ServerProcess, Slack
from tests.machine.base import ROOT, Base
from tests.machine.machine import Machine
from tests.support.load.event_load import JOURNAL_APP
from tests.support.running import Running

PORT = 8080
SLACK_PORT = 8090
SOURCE = "root/latchkey"
STORE = "var/lib/latchkey"
_LEFT_OUT = {".git", ".venv", "data", "keys", "backups"}
"""In the root of the checkout; `keys` is also the name of a package."""
_CACHES = shutil.ignore_patterns("__pycache__", ".*_cache", "node_modules")


def _left_out(folder: str, names: list[str]) -> set[str]:
    return _CACHES(folder, names) | (_LEFT_OUT & set(names) if Path(folder) == ROOT else set())


def bare_machine(folder: Path, base: Base) -> Machine:
    """Return a booted Debian with this project's folder in root's home."""
    machine = Machine(folder, base)
    shutil.copytree(ROOT, machine.root / SOURCE, ignore=_left_out, symlinks=True)
    try:
        machine.boot()
    except BaseException:
        machine.stop()
        raise
    return machine


class InstalledServer(ServerProcess):
    """The service `latchkey`; systemd starts and stops it."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        """`folder` gets links to the machine's store and keys, where the tests expect them."""
        super().__init__(folder, port=PORT)
        self.machine = machine
        self.credentials["SLACK_SIGNING_SECRET"] = secrets.token_hex(16)
        folder.mkdir()
        (folder / "data").symlink_to(machine.root / STORE)
        (folder / "keys").symlink_to(machine.root / "etc/latchkey/keys")
        (folder / "journal").symlink_to(machine.root / STORE / "journal")

    def write_secrets(self) -> list[str]:
        """Write the secrets to files in root's home, and return the flags that name them."""
        flags = ["--public-url", self.url, "--client-id", self.credentials["SLACK_CLIENT_ID"]]
        for name in ("client", "signing"):
            path = self.machine.root / "root" / f"{name}_secret"
            path.write_text(self.credentials[f"SLACK_{name.upper()}_SECRET"] + "\n")
            flags += [f"--{name}-secret-file", f"/root/{name}_secret"]
        return flags

    @property
    def pid(self) -> int:
        """Its process id as the machine sees it."""
        return int(self.machine.show("MainPID"))

    async def start(self, slack: Slack) -> None:
        await asyncio.to_thread(self.machine.run, "systemctl", "start", "latchkey.service")
        slack.configure(redirect_uris=[f"{self.url}/slack/oauth/callback"], events_url=f"{self.url}/slack/events")

    async def stop(self) -> int:
        await asyncio.to_thread(self.machine.run, "systemctl", "stop", "latchkey.service")
        return int(self.machine.show("ExecMainStatus"))

    async def restart(self) -> None:
        await asyncio.to_thread(self.machine.run, "systemctl", "restart", "latchkey.service")

    async def signal(self, name: str) -> None:
        command = ("systemctl", "kill", "--kill-whom=main", f"--signal={name}", "latchkey.service")
        await asyncio.to_thread(self.machine.run, *command)

    async def replaced(self, pid: int, seconds: float) -> float:
        """Wait until another process than this one is ready; returns the seconds that it took."""
        begun = time.monotonic()
        while True:
            shown = await asyncio.to_thread(
                self.machine.run, "systemctl", "show", "--property=MainPID,ActiveState", "latchkey.service"
            )
            values = dict(line.split("=", 1) for line in shown.stdout.split())
            if values["ActiveState"] == "active" and int(values["MainPID"]) not in (0, pid):
                return time.monotonic() - begun
            assert time.monotonic() - begun < seconds, shown.stdout
            await asyncio.sleep(0.05)

    def is_running(self) -> bool:
        return self.machine.show("ActiveState") == "active"


def configure(server: InstalledServer, modules: dict[str, str]) -> None:
    """Point the service at the simulated Slack, with these listener modules in addition to the shipped ones."""
    etc = server.machine.root / "etc/latchkey"
    for name, source in {"journal_app": JOURNAL_APP, **modules}.items():
        (etc / f"{name}.py").write_text(source)
        (etc / f"{name}.py").chmod(0o644)
    origin = f"http://localhost:{SLACK_PORT}"
    (etc / "environment").write_text(
        f"LATCHKEY_SLACK_API_URL={origin}/api/\n"
        f"LATCHKEY_SLACK_AUTHORIZE_URL={origin}/oauth/v2/authorize\n"
        f"LATCHKEY_LISTENERS_MODULES={','.join(['listeners', 'journal_app', *modules])}\n"
    )


@contextlib.asynccontextmanager
async def running_with_slack(server: InstalledServer) -> AsyncIterator[Running]:
    """Run a simulated Slack inside the machine's network, with the service started; the app is not installed anywhere."""
    with server.machine.network():
        slack = server.make_slack(SLACK_PORT)
        slack.start()
        try:
            await server.start(slack)
            running = Running(server, slack)
            yield running
            running.browser.close()
        finally:
            await slack.close()
