"""What the server needs before it opens the store: settings, credentials, listeners and the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from latchkey import logs
from latchkey.config import Settings, SlackCredentials, find_checkout, load_settings, refuse_empty_folder
from latchkey.dispatch import App, load_listeners
from latchkey.handlers import AccessLog
from latchkey.server.supervision import Supervisor


@dataclass(frozen=True)
class Startup:
    """The parts that are complete before the store is opened."""

    settings: Settings
    credentials: SlackCredentials
    app: App
    log_stream: logs.LogStream
    access_log: AccessLog
    supervisor: Supervisor
    reload_settings: Callable[[], Settings]
    """Loads the settings from the same sources again; raises ConfigError."""


def prepare(config_path: Path | None, listen: str | None) -> Startup:
    """Load settings and listeners and configure logging.

    `listen` is the value of --listen. Raises ConfigError or ListenerLoadError.
    """
    supervisor = Supervisor(os.environ)
    flags = {"server.listen": listen} if listen else {}
    reload_settings = partial(load_settings, config_path, os.environ, flags)
    settings = reload_settings()
    checkout = find_checkout()
    refuse_empty_folder(settings, checkout)
    credentials = settings.require_slack()
    log_stream = logs.LogStream(sys.stderr, waits=False)
    access_log = AccessLog(logs.configure(settings.log.level, settings.log.format, settings.secrets, log_stream))
    app = load_listeners(settings.listeners.modules, settings.base, checkout)
    return Startup(settings, credentials, app, log_stream, access_log, supervisor, reload_settings)
