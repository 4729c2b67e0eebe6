"""Shows what happens to the app, in the terminal and on the simulated Slack's page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from latchkey.simulator import Slack
from latchkey.simulator.demo import follow, ssh_instructions

_RUNNING = """\
Your app is installed in the simulated Slack at {slack}
It is reloaded when you save a file. To see its install page, open {server}/slack/install
The store and the secrets of your configuration are not used, and nothing is kept. Press Ctrl-C to stop.
"""


class Terminal:
    """Observes the versions of the app, and keeps the simulated Slack's settings of the app up to date."""

    def __init__(self, slack: Slack, server_url: str) -> None:
        self._slack = slack
        self._server_url = server_url
        self._is_known = False

    async def follow(self, log: Path) -> None:
        """Show the server's log, also on the simulated Slack's page; never returns."""
        await follow(log, self._slack.world)

    def describe(self, manifest: dict[str, Any]) -> None:
        """Give the simulated Slack the app's settings, and its commands and events."""
        self._slack.describe(manifest)
        self._slack.world.notify("error", "")
        scopes = manifest["oauth_config"]["scopes"]
        self._slack.make_optional(bot=scopes.get("bot_optional", ()), user=scopes.get("user_optional", ()))
        if manifest["settings"]["token_rotation_enabled"]:
            self._slack.turn_token_rotation_on()

    def installed(self) -> None:
        """Show the addresses; later, that the app was installed again."""
        if self._is_known:
            self.say("installed again, because the scopes have changed")
            return
        self._is_known = True
        print(_RUNNING.format(server=self._server_url, slack=self._slack.url), end="")
        port = urlsplit(self._server_url).port or 0
        print(ssh_instructions(os.environ, port, self._slack.port), end="", flush=True)

    def say(self, text: str) -> None:
        """Show what was done."""
        print(f"✔ {text}", flush=True)
        self._slack.world.log_line(text)

    def drifted(self, text: str) -> None:
        """Show how the manifest has changed."""
        self.say(text)
        self._slack.world.notify("info", text)

    def fail(self, text: str) -> None:
        """Show what went wrong."""
        print(f"✘ {text}", flush=True)
        self._slack.world.log_line(text)
        self._slack.world.notify("error", text)
