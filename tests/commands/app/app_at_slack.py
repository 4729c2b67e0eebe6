"""Runs `latchkey setup` and `latchkey manifest` with a simulated Slack that creates and changes the app."""

import asyncio
import json
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from latchkey.simulator import Slack
from tests.support.command_line import command_line, run

CONFIG = """\
[app]
name = "Our App"
[server]
public_url = "https://slack.example.com"
[slack]
scopes = ["app_mentions:read", "chat:write", "commands"]
[listeners]
modules = ["our_app"]
"""
LISTENERS = """\
def register(app):
    @app.command("/deploy")
    def deploy(ack):
        '''Deploys.'''
        ack()
"""
INSTALL_URL = "https://slack.example.com/slack/install"


class AppAtSlack:
    """A folder with a configuration, and a simulated Slack in which a person has a configuration token."""

    def __init__(self, slack: Slack, folder: Path) -> None:
        self.slack = slack
        self.folder = folder
        self.secrets = folder / "secrets"
        self.issued: list[str] = []

    def new_token(self, *, only_refresh: bool = False) -> str:
        """Return what a person types: a new configuration token and its refresh token."""
        pair = self.slack.world.configuration_tokens.issue()
        self.issued += [pair["token"], pair["refresh_token"]]
        return f"{pair['refresh_token']}\n" if only_refresh else f"{pair['token']}\n{pair['refresh_token']}\n"

    async def run(
        self, *arguments: str, typed: str = "", program: str | None = None, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        settings = {"LATCHKEY_SLACK_API_URL": self.slack.api_url, **environ}
        done = await asyncio.to_thread(run, self.folder, *arguments, typed=typed, program=program, **settings)
        self.check_output(done.stdout + done.stderr)
        return done

    def check_output(self, shown: str) -> None:
        """Nothing that a command shows is secret."""
        secrets = [self.slack.world.app.client_secret, self.slack.world.app.signing_secret, "xoxe", *self.issued]
        assert not [secret for secret in secrets if secret in shown.replace("xoxe.xoxp-…", "").replace("xoxe-…", "")]

    async def set_up(self, *arguments: str, typed: str | None = None) -> "subprocess.CompletedProcess[str]":
        return await self.run("setup", "--yes", *arguments, typed=self.new_token() if typed is None else typed)

    async def killed_during(self, method: str, *arguments: str, typed: str = "") -> None:
        """Kill a command after Slack has carried out a call of this method, and before it answers."""
        before = len(self.calls(method))
        self.slack.fail(method, acts=True, seconds=30)
        process = subprocess.Popen(
            command_line(*arguments),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LATCHKEY_SLACK_API_URL": self.slack.api_url},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        process.stdin.write(typed.encode())
        process.stdin.close()
        while len(self.calls(method)) == before:
            assert process.poll() is None
            await asyncio.sleep(0.02)
        process.kill()
        process.wait(10)

    def calls(self, method: str) -> list[Any]:
        return [call for call in self.slack.world.calls if call.method == method]

    def record(self) -> dict[str, Any]:
        """Return what the commands have stored for later."""
        document: dict[str, Any] = json.loads((self.secrets / "app.json").read_text())
        return document

    def check_credentials(self) -> None:
        """The server's files have the credentials of the app at Slack, and only their owner can read them."""
        app = self.slack.world.app
        expected = {name: getattr(app, name) for name in ("client_id", "client_secret", "signing_secret")}
        assert {name: (self.secrets / name).read_text().strip() for name in expected} == expected
        assert stat.S_IMODE(self.secrets.stat().st_mode) == 0o700
        for path in self.secrets.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@asynccontextmanager
async def app_at_slack(folder: Path) -> AsyncIterator[AppAtSlack]:
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(CONFIG)
    (folder / "our_app.py").write_text(LISTENERS)
    slack = Slack(
        client_id="none", client_secret="none yet", signing_secret="none yet", redirect_uris=[], events_url=""
    )
    slack.start()
    try:
        yield AppAtSlack(slack, folder)
    finally:
        await slack.close()
