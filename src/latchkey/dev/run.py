"""Runs `latchkey dev` until Ctrl-C.

Invariant: the configuration's store, keys and secrets are not used, and nothing is kept: the demo's keeper deletes the
folder and ends the servers, however this process ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

from latchkey.config import Settings, load_settings
from latchkey.dev.changes import Changes
from latchkey.dev.forking import Forker
from latchkey.dev.session import BACKLOG, Observer, Session
from latchkey.dev.terminal import Terminal
from latchkey.simulator import Slack
from latchkey.simulator.demo import SERVER_PORT, SLACK_PORT, kept_folder, on_free_port, until_signal, usable_port
from latchkey.simulator.model import redirect_uris_at
from latchkey.simulator.process import install_app, isolated_environment, new_credentials, without_secrets
from latchkey.slackapi.scopes import describe_scope

_LOOPBACK = "127.0.0.1"


def run_dev(config_path: Path | None, port: int | None) -> int:
    """Run the app of this configuration and a simulated Slack until Ctrl-C; returns the exit code.

    `config_path` None is the default one. `port` is the server's; None means 8080 or the next free one. Raises
    LatchkeyError if the configuration or the port cannot be used.
    """
    # A file that is missing or that cannot be read ends the command; later mistakes can be corrected while it runs.
    settings = load_settings(config_path, without_secrets(os.environ), {})
    listening = on_free_port(SERVER_PORT, listen) if port is None else listen(usable_port(port))
    try:
        with listening, kept_folder() as (folder, keep):
            return asyncio.run(until_signal(_show(settings, listening, folder, keep)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0


def listen(port: int) -> socket.socket:
    """Return a socket on loopback, in which requests wait while no version of the app serves."""
    return socket.create_server((_LOOPBACK, port), backlog=BACKLOG)


class Workbench:
    """A simulated Slack, and the server of a configuration whose app is reloaded."""

    def __init__(self, settings: Settings, listening: socket.socket, folder: Path, slack_port: int = 0) -> None:
        """The server writes only into `folder`."""
        self._settings = settings
        self._listening = listening
        self._folder = folder
        self._credentials = new_credentials()
        self.log = folder / "server.log"
        self.url = f"http://localhost:{listening.getsockname()[1]}"
        self.slack = Slack(
            client_id=self._credentials["SLACK_CLIENT_ID"],
            client_secret=self._credentials["SLACK_CLIENT_SECRET"],
            signing_secret=self._credentials["SLACK_SIGNING_SECRET"],
            redirect_uris=redirect_uris_at(self.url),
            events_url=f"{self.url}/slack/events",
            port=slack_port,
            describe_scope=describe_scope,
            for_people=True,
        )

    async def run(self, observer: Observer, keep: Callable[[int], None]) -> None:
        """Run until it is cancelled; `keep` is called with the id of each process."""
        config = self._settings.config_path
        config = None if config is None else config.absolute()
        changes = Changes(config)
        changes.watch(self._settings.base)
        self.slack.start()
        with self._forker(config) as forker:
            keep(forker.pid)
            session = Session(forker, self._listening, changes, observer, keep=keep, install=self._install)
            try:
                await session.run()
            finally:
                await changes.close()
                await self.slack.close()

    async def _install(self) -> None:
        await install_app(self.url, self.slack)

    def _forker(self, config: Path | None) -> Forker:
        environment = isolated_environment(
            os.environ,
            self._folder,
            listen=f"{_LOOPBACK}:{self._listening.getsockname()[1]}",
            api_url=self.slack.api_url,
            authorize_url=self.slack.authorize_url,
        )
        with self.log.open("ab") as log:
            return Forker(config, self._listening, environment | self._credentials, self._settings.base, log)


async def _show(settings: Settings, listening: socket.socket, folder: Path, keep: Callable[[int], None]) -> int:
    workbench = on_free_port(SLACK_PORT, lambda port: Workbench(settings, listening, folder, port))
    terminal = Terminal(workbench.slack, workbench.url)
    workbench.log.touch()
    following = asyncio.create_task(terminal.follow(workbench.log))
    try:
        await workbench.run(terminal, keep)
    finally:
        following.cancel()
    return 0
