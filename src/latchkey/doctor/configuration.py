"""The configuration, its files, and the listeners that it names."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from latchkey.dispatch import load_listeners
from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import ConfigError, ListenerLoadError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at what can be judged without the store and without a network."""
    yield from _settings(patient)
    yield from _files(patient)
    try:
        load_listeners(patient.settings.listeners.modules, patient.settings.base, patient.checkout)
    except ListenerLoadError as error:
        yield finding("listeners-fail", str(error), error.hint)


def _settings(patient: Patient) -> Iterator[Finding]:
    try:
        patient.settings.require_slack()
    except ConfigError as error:
        yield from (finding("slack-unconfigured", line) for line in error.lines)
    if not patient.settings.server.public_url:
        yield finding("public-url-unset", "[server] public_url is empty")


def _files(patient: Patient) -> Iterator[Finding]:
    mode = _mode(patient.file)
    if mode & _OTHERS_WRITE:
        yield finding("config-open", f"{patient.file} has mode {mode:04o}")
    for name in ("SLACK_CLIENT_SECRET_FILE", "SLACK_SIGNING_SECRET_FILE"):
        path = patient.environ.get(name)
        mode = _mode(Path(path)) if path else 0
        if mode & (stat.S_IRWXO | _OTHERS_WRITE):
            yield finding(
                "secret-open", f"{path} has mode {mode:04o}", f"chmod 600 {path}, then renew the secret at Slack"
            )


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
