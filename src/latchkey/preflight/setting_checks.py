"""Checks what the settings say of the app at Slack, and who can read or change their files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from latchkey.config import CREDENTIALS_HINT, DEMO_HINT, PUBLIC_URL_HINT, Settings
from latchkey.errors import ConfigError, Fault
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import CONFIG_INVALID, Finding, Problem

SLACK_NOT_CONFIGURED = Problem.error(
    "slack-not-configured",
    cause="The app's client ID or one of its secrets is not set.",
    fix="Copy them from Basic Information at https://api.slack.com/apps.",
)
CREDENTIALS_MALFORMED = Problem.error(
    "credentials-malformed",
    cause="The client ID or a secret cannot be what Slack issued: swapped, incomplete, or another value.",
    fix="Copy it again from Basic Information at https://api.slack.com/apps.",
)
PUBLIC_URL_UNSET = Problem.warning(
    "public-url-unset",
    cause="Without [server] public_url, the redirect URL names localhost, which Slack cannot reach.",
    fix='Set it, for example public_url = "https://slack.example.com".',
)
CONFIG_PERMISSIONS = Problem.error(
    "config-permissions",
    cause="Other users can write to config.toml, which names the Python modules that the server runs.",
    fix="chmod go-w config.toml",
)
SECRET_PERMISSIONS = Problem.error(
    "secret-permissions",
    cause="Other users can read a file that contains a secret.",
    fix="chmod 600 the file, then replace the secret that is in it.",
)
MULTIPROCESS_METRICS = Problem.error(
    "multiprocess-metrics",
    cause="With PROMETHEUS_MULTIPROC_DIR, metrics are kept in files, for servers of several processes.",
    fix="Unset PROMETHEUS_MULTIPROC_DIR for this server.",
)
PROBLEMS = (
    CONFIG_INVALID, CONFIG_PERMISSIONS, SLACK_NOT_CONFIGURED, CREDENTIALS_MALFORMED, PUBLIC_URL_UNSET,
    SECRET_PERMISSIONS, MULTIPROCESS_METRICS,
)  # fmt: skip

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_settings(context: StartContext) -> Iterator[Finding]:
    """Check the credentials, the outgoing proxy, the public URL, and the modes of the files."""
    settings = context.settings
    if faults := settings.missing_credentials():
        yield from SLACK_NOT_CONFIGURED.refusals(ConfigError(faults, hint=DEMO_HINT))
    if faults := settings.malformed_credentials():
        yield from CREDENTIALS_MALFORMED.refusals(ConfigError(faults, hint=CREDENTIALS_HINT))
    if faults := settings.proxy_faults():
        yield from CONFIG_INVALID.refusals(ConfigError(faults))
    # Read by prometheus_client, which only looks whether they are set.
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        if name in os.environ:
            fault = Fault(name, "is set, and would keep the metrics in files")
            yield from MULTIPROCESS_METRICS.refusals(ConfigError([fault], hint=MULTIPROCESS_METRICS.fix))
    install = context.settings_with_app.install
    if install.path == install.callback_path:
        fault = Fault("[install] callback_path", "must not be the same as [install] path")
        yield from CONFIG_INVALID.refusals(ConfigError([fault]))
    if not settings.server.public_url:
        yield from _without_public_url(settings)
    yield from _modes(settings)


def _without_public_url(settings: Settings) -> Iterator[Finding]:
    if settings.socket_path is not None:
        fault = Fault("[server] public_url", "must be set, because [server] listen is a unix socket")
        yield from CONFIG_INVALID.refusals(ConfigError([fault], hint=PUBLIC_URL_HINT))
    elif settings.uses_slack:
        yield PUBLIC_URL_UNSET.found("is not set", where="[server] public_url")


def _modes(settings: Settings) -> Iterator[Finding]:
    if settings.config_path is not None:
        mode = _mode(settings.config_path)
        if mode & _WRITABLE_BY_OTHERS:
            yield CONFIG_PERMISSIONS.found(f"has mode {mode:04o}", where=str(settings.config_path))
    for path in settings.secret_files:
        mode = _mode(path)
        if mode & (stat.S_IRWXO | _WRITABLE_BY_OTHERS):
            fix = f"chmod 600 {path}, then replace the secret that is in it."
            yield SECRET_PERMISSIONS.found(f"has mode {mode:04o}", where=str(path), fix=fix)


def _mode(path: Path) -> int:
    """Return the permission bits, or 0 if the file cannot be examined."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
