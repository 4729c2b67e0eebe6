"""Reloads secrets and log settings on SIGHUP.

Invariant: an invalid configuration changes nothing, and all its faults are logged.
Changed settings that need a restart are named.
"""

from __future__ import annotations

import logging

from latchkey import logs
from latchkey.config import SECTIONS, STORAGE_URL, Settings
from latchkey.errors import ConfigError
from latchkey.handlers import Services
from latchkey.server.startup import Startup

RELOADED = frozenset({"log.level", "log.format", "log.events"})
"""Settings that are reloaded, besides the secrets."""

logger = logging.getLogger("latchkey")


class Reload:
    """Applies a changed configuration to the running server."""

    def __init__(self, startup: Startup, services: Services) -> None:
        self._startup = startup
        self._services = services
        self._known = set(startup.settings.secrets)
        """Every secret since the start; replaced ones are hidden in the log too."""

    def __call__(self) -> bool:
        """Reload the configuration; returns whether it was valid."""
        try:
            fresh = self._startup.reload_settings()
            credentials = fresh.require_slack()
        except ConfigError as error:
            for line in error.lines:
                logger.error("not reloaded: %s", line)  # noqa: TRY400  # an operator's mistake needs no traceback
            return False
        self._known.update(fresh.secrets)
        log, stream = fresh.log, self._startup.log_stream
        write = logs.configure(log.level, log.format, self._known, stream, events=log.events)
        self._services.access_log.write_with(write)
        self._services.verifier.use([secret.reveal() for secret in credentials.signing_secrets])
        self._services.oauth.use_secret(credentials.client_secret.reveal())
        logger.info("reloaded: log level %s, %d signing secrets", fresh.log.level, len(credentials.signing_secrets))
        for name in _changed(self._startup.settings, fresh):
            if name not in RELOADED:
                logger.warning("setting %s changed; restart to apply it", name)
        return True


def _changed(before: Settings, after: Settings) -> list[str]:
    changed = [
        f"{section}.{key}"
        for section, kind in SECTIONS.items()
        for key in kind.__struct_fields__
        if getattr(getattr(before, section), key) != getattr(getattr(after, section), key)
    ]
    # As a secret it is not in the section.
    urls = [settings.storage_url.reveal() if settings.storage_url else "" for settings in (before, after)]
    return changed if urls[0] == urls[1] or STORAGE_URL in changed else [*changed, STORAGE_URL]
