"""One examination, in an order in which the first finding mostly explains the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from latchkey.config import load_settings
from latchkey.doctor import app_manifest, backups, configuration, network, service, slack_app, store
from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import ConfigError


def examine(
    config_path: Path | None,
    environ: Mapping[str, str],
    checkout: Path | None,
    *,
    offline: bool,
    exported: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Go through everything; `tell` is called with the name of each part before it is looked at.

    `offline` sends nothing anywhere but to this machine's own server. `exported` is a manifest that
    Slack has exported. `clock` gives Unix seconds.
    """
    tell("configuration")
    try:
        settings = load_settings(config_path, environ, {})
    except ConfigError as error:
        yield from (finding("config-invalid", line, error.hint) for line in error.lines)
        return
    patient = Patient(settings, environ, config_path or settings.base / "config.toml", checkout, clock)
    yield from configuration.examine(patient)
    tell("store, keys and events")
    yield from store.examine(patient)
    tell("backups")
    yield from backups.examine(patient)
    tell("server and service")
    yield from service.examine(patient)
    if not offline:
        tell("network")
        yield from network.examine(patient)
    tell("the app at Slack")
    yield from slack_app.examine(patient, offline=offline)
    if exported is not None:
        yield from app_manifest.examine(patient, exported)
