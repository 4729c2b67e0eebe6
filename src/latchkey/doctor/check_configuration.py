"""Checks the settings, the permissions of their files, and the listeners that they name."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding, finding, invalid_configuration
from latchkey.errors import ConfigError, ListenerLoadError

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_configuration(context: DoctorContext) -> Iterator[Finding]:
    """Check what needs neither the store nor a network."""
    yield from _settings(context)
    yield from _files(context)
    if isinstance(context.app, ListenerLoadError):
        yield finding("listeners-failed", str(context.app), context.app.hint)


def _settings(context: DoctorContext) -> Iterator[Finding]:
    missing = ConfigError(context.settings.credential_faults())
    yield from (finding("slack-not-configured", line) for line in missing.lines)
    yield from invalid_configuration(ConfigError(context.settings.proxy_faults()))
    if not context.settings.server.public_url:
        yield finding("public-url-unset", "[server] public_url is empty")


def _files(context: DoctorContext) -> Iterator[Finding]:
    mode = _mode(context.config_path)
    if mode & _WRITABLE_BY_OTHERS:
        yield finding("config-permissions", f"{context.config_path} has mode {mode:04o}")
    for name in ("SLACK_CLIENT_SECRET_FILE", "SLACK_SIGNING_SECRET_FILE"):
        path = context.environ.get(name)
        mode = _mode(Path(path)) if path else 0
        if mode & (stat.S_IRWXO | _WRITABLE_BY_OTHERS):
            fix = f"chmod 600 {path}, then regenerate the secret at Slack."
            yield finding("secret-permissions", f"{path} has mode {mode:04o}", fix)


def _mode(path: Path) -> int:
    """Return the permission bits, or 0 if the file cannot be examined."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
