"""The real server as a child process in a folder of its own, configured for a simulated Slack."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from latchkey.simulator.model import DescribeScope, not_described, redirect_uris_at
from latchkey.simulator.process.isolation import isolated_environment
from latchkey.simulator.slack import Slack

START_TIMEOUT = 20.0
STOP_TIMEOUT = 15.0

_LISTENING = re.compile(r'listening on (?:http://[^\s]+:(\d+)|unix:[^\s"]+)[\s"]')
_METRICS = re.compile(r'metrics at (http://[^\s"]+)')


def new_credentials() -> dict[str, str]:
    """Return the environment variables with an app's credentials, new and random."""
    return {
        "SLACK_CLIENT_ID": f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}",
        "SLACK_CLIENT_SECRET": secrets.token_hex(16),
        "SLACK_SIGNING_SECRET": secrets.token_hex(16),
    }


class ServerDied(Exception):
    """The server exited unexpectedly; the message is the end of its log."""


class ServerProcess:
    """`latchkey serve` with its own configuration, credentials and log."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        level: str = "info",
        environment: Mapping[str, str] | None = None,
        config: Path | None = None,
    ) -> None:
        """The server writes only into `folder`; `port` 0 takes a free one.

        `config`: the configuration whose app it runs; None is the shipped app.
        """
        self.folder = folder
        self.log = folder / "server.log"
        self.credentials = new_credentials()
        self._environment = dict(environment or {})
        self._own_config = config
        self._port = port
        self._level = level
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def cwd(self) -> Path:
        """The folder that the server runs in: where an app of one's own finds its files."""
        return self.folder if self._own_config is None else self._own_config.absolute().parent

    @property
    def metrics_url(self) -> str:
        """The URL of the metrics since the last start; empty if there is none."""
        found = _METRICS.findall(self.log.read_text(encoding="utf-8", errors="replace"))
        return found[-1] if found else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def make_slack(
        self,
        port: int = 0,
        describe_scope: DescribeScope = not_described,
        *,
        token_rotation: bool = False,
        for_people: bool = False,
    ) -> Slack:
        """Return a simulated Slack in which this server's app is configured; it is not started yet."""
        return Slack(
            client_id=self.credentials["SLACK_CLIENT_ID"],
            client_secret=self.credentials["SLACK_CLIENT_SECRET"],
            signing_secret=self.credentials["SLACK_SIGNING_SECRET"],
            redirect_uris=[],
            events_url="",
            port=port,
            describe_scope=describe_scope,
            token_rotation=token_rotation,
            for_people=for_people,
        )

    async def start(self, slack: Slack) -> None:
        """Start the server and return once it listens. Raises ServerDied."""
        config, environment = self._shipped_app(slack) if self._own_config is None else self._own_app(slack)
        self.log.touch()
        before = self.log.stat().st_size
        command = [sys.executable, "-P", "-m", "latchkey", "serve", "--config", str(config)]
        with open(self.log, "ab") as log:
            self._process = self.spawn(command, {**environment, **self.credentials, **self._environment}, log)
        self.port = await self._listening_port(before)
        slack.configure(redirect_uris=redirect_uris_at(self.url), events_url=f"{self.url}/slack/events")

    async def manifest(self, slack: Slack) -> dict[str, Any] | None:
        """Return the manifest of the app; None if it cannot be made."""
        config, environment = self._shipped_app(slack) if self._own_config is None else self._own_app(slack)
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-P", "-m", "latchkey", "manifest", "--config", str(config)],
            env={**environment, "LATCHKEY_SERVER_PUBLIC_URL": "https://app.example"},
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            printed, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return dict(json.loads(printed)) if process.returncode == 0 else None

    def _shipped_app(self, slack: Slack) -> tuple[Path, dict[str, str]]:
        """Return a configuration that runs the shipped app, and its environment."""
        config = self.folder / "config.toml"
        config.write_text(
            f'[server]\nlisten = "127.0.0.1:{self._port}"\n'
            f'[slack]\napi_url = "{slack.api_url}"\nauthorize_url = "{slack.authorize_url}"\n'
            # A free port, because several of these servers run at once.
            f'[metrics]\nlisten = "127.0.0.1:0"\n'
            f'[listeners]\nmodules = ["latchkey.example"]\n[log]\nlevel = "{self._level}"\nevents = true\n',
            encoding="utf-8",
        )
        return config, {
            name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LATCHKEY_"))
        }

    def _own_app(self, slack: Slack) -> tuple[Path, dict[str, str]]:
        """Return the given configuration, and an environment that keeps it from the real store, secrets and Slack."""
        assert self._own_config is not None
        return self._own_config.absolute(), isolated_environment(
            os.environ,
            self.folder,
            listen=f"127.0.0.1:{self._port}",
            api_url=slack.api_url,
            authorize_url=slack.authorize_url,
        )

    def spawn(self, command: list[str], environment: dict[str, str], log: BinaryIO) -> subprocess.Popen[bytes]:
        """Start the command with exactly this environment; its output goes to `log`."""
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd
        )

    async def stop(self) -> int:
        """Send SIGTERM, kill the server if it does not exit in time, and return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return await asyncio.to_thread(self._process.wait, STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            return await asyncio.to_thread(self._process.wait, STOP_TIMEOUT)

    def kill(self) -> None:
        """Send SIGKILL, as in a crash."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """What the server has ended with; None if it runs."""
        return None if self._process is None else self._process.poll()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_lines(self, count: int = 8) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    async def _listening_port(self, offset: int) -> int:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            written = self.log.read_bytes()[offset:].decode("utf-8", "replace")
            if found := _LISTENING.search(written):
                return int(found[1] or 0)
            if not self.is_running():
                break
            await asyncio.sleep(0.02)
        raise ServerDied(self.last_lines())
