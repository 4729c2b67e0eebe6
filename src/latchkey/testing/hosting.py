"""Starts the real server and the simulated Slack for one test."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from latchkey.config import Settings
from latchkey.dispatch import App, requirements_of
from latchkey.handlers import MAX_CONNECTIONS, AccessLog, LatchkeyServer, Services, bind_port, make_application
from latchkey.logs import LogStream
from latchkey.preflight import app_settings, with_app
from latchkey.server import Startup, Supervisor, drain, services_for
from latchkey.simulator import Slack
from latchkey.slackapi.manifest import make_manifest
from latchkey.slackapi.paths import EVENTS_PATH
from latchkey.storage import open_store
from latchkey.testing.app_to_test import CLIENT_ID, CLIENT_SECRET, SIGNING_SECRET, AppLoader, AppToTest
from latchkey.testing.movable_clock import MovableClock

_LOOPBACK = "127.0.0.1"
_MANIFEST_URL = "https://app.example"
"""Stands for the app's public URL in the manifest, because Slack requires one with HTTPS."""
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # each store gets a private folder in it


class Hosted(NamedTuple):
    """What runs."""

    slack: Slack
    services: Services
    url: str
    """The address of the server."""


async def host(
    opened: AsyncExitStack,
    loader: AppLoader,
    wanted: AppToTest,
    folder: Path,
    clock: MovableClock,
    on_error: Callable[[Exception], None],
) -> Hosted:
    """Start both; they stop when `opened` is closed. Raises LatchkeyError if the app cannot be loaded."""
    data = opened.enter_context(TemporaryDirectory(prefix="latchkey-test-", dir=_memory()))
    [listening] = bind_port((_LOOPBACK, 0), hint="")
    opened.callback(listening.close)
    url = f"http://{_LOOPBACK}:{listening.getsockname()[1]}"
    slack = Slack(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_secret=SIGNING_SECRET,
        redirect_uris=[],
        events_url="",
        clock=clock,
    )
    slack.start()
    opened.push_async_callback(slack.close)
    settings = loader.settings(wanted, folder, _flags(slack, url, data))
    app = loader.load(wanted, settings)
    settings = with_app(settings, app)
    slack.configure(redirect_uris=[url + settings.install.callback_path], events_url=url + EVENTS_PATH)
    _describe(slack, settings, app)
    with _quiet("latchkey.storage"):  # it asks to back up the new key
        store = open_store(settings.store_location, settings.keyring_path, server_address=url, clock=clock)
    opened.callback(store.close)
    startup = Startup(
        settings, settings.require_slack(), app, LogStream(sys.stderr), AccessLog(), Supervisor({}), lambda: settings
    )
    services = await opened.enter_async_context(services_for(startup, store, url, clock=clock, on_error=on_error))
    server = LatchkeyServer(make_application(services), clients=services.clients, max_clients=MAX_CONNECTIONS)
    server.add_sockets([listening])
    opened.push_async_callback(drain, server, services, 0)
    return Hosted(slack, services, url)


def _memory() -> Path | None:
    """Return a folder in memory; None, which means the folder for temporary files, if there is none."""
    return _IN_MEMORY if _IN_MEMORY.is_dir() else None


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Drop the warnings of a logger inside the block."""
    log = logging.getLogger(name)
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _flags(slack: Slack, url: str, data: str) -> dict[str, str]:
    """Return the settings that belong to a machine and its workspaces, and not to the app."""
    return {
        "install.workspaces": "",
        "install.success_url": "",
        "install.failure_url": "",
        "slack.api_url": slack.api_url,
        "slack.authorize_url": slack.authorize_url,
        "slack.client_id": CLIENT_ID,
        "slack.unix_sockets": "",
        "server.public_url": url,
        "metrics.listen": "",
        "storage.url": "",
        "storage.path": f"{data}/store.sqlite",
        "storage.keyring": f"{data}/keys/keyring",
    }


def _describe(slack: Slack, settings: Settings, app: App) -> None:
    """Tell the simulated Slack what Slack knows of an app: its manifest."""
    manifest, _ = make_manifest(app_settings(settings, _MANIFEST_URL), requirements_of(app))
    slack.describe(manifest)
    if settings.slack.token_rotation:
        slack.turn_token_rotation_on()
    slack.make_optional(bot=settings.slack.optional_scopes, user=settings.slack.optional_user_scopes)
