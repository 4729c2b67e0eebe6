"""What the server needs before it opens the store: settings, credentials, listeners and the log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from latchkey import logs
from latchkey.config import Settings, SlackCredentials, find_checkout, load_settings
from latchkey.dispatch import App
from latchkey.handlers import AccessLog
from latchkey.preflight import StartContext, refuse_start, run_start_checks, with_app
from latchkey.server.supervision import HTTP_SOCKET, Supervisor
from latchkey.storage import acting_as_owner_of

logger = logging.getLogger("latchkey")


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


def prepare(
    config_path: Path | None, listen: str | None, *, new_store: bool, supervisor: Supervisor | None = None
) -> Startup:
    """Load the settings, configure logging, and run the checks before a start, which load the listeners.

    `listen` is the value of --listen; `supervisor` None is systemd, if it has started this process. Raises ConfigError,
    or what the checks refuse.
    """
    supervisor = supervisor or Supervisor(os.environ)
    flags = {"server.listen": listen} if listen else {}
    checkout = find_checkout()
    load = partial(load_settings, config_path, os.environ, flags, with_slack_faults=True)
    settings = load()
    log_stream = logs.LogStream(sys.stderr, waits=False)
    log = settings.log
    configure_log = partial(logs.configure, log.level, log.format, settings.secrets, log_stream, events=log.events)
    access_log = AccessLog(configure_log())
    hiding = list(logging.getLogger().handlers)
    context = StartContext(settings, checkout, new_store=new_store, has_socket=HTTP_SOCKET in supervisor.sockets)
    app = context.app  # before acting as the store's owner, who may not be able to read Python's library
    if any(handler not in logging.getLogger().handlers for handler in hiding):
        # A module has replaced the handler that hides secrets, as `logging.basicConfig(force=True)` does.
        access_log.write_with(configure_log())
    with acting_as_owner_of(settings.owner_path):
        findings = run_start_checks(context)
    refuse_start(findings)
    for finding in findings:
        logger.warning("%s: %s", finding.code, finding.message)
    assert isinstance(app, App)  # otherwise the start has been refused
    settings = context.settings_with_app
    return Startup(
        settings, settings.require_slack(), app, log_stream, access_log, supervisor, lambda: with_app(load(), app)
    )
