"""`latchkey config`: what is configured, where it came from, and whether it can be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from latchkey import config
from latchkey.commands.output import config_option, json_option, print_json, print_table
from latchkey.errors import EXIT_CONFIG, ConfigError


@click.group("config")
def group() -> None:
    """What is configured, and whether it can be used."""


@group.command("check")
@config_option
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Say all that is wrong with the configuration, or that nothing is."""
    try:
        config.load(file, os.environ, {}).require_slack()
    except ConfigError as error:
        if not as_json:
            raise
        faults = [{"where": fault.where, "problem": fault.problem} for fault in error.faults]
        print_json({"ok": False, "faults": faults})
        sys.exit(EXIT_CONFIG)
    if as_json:
        print_json({"ok": True, "faults": []})
    else:
        click.echo("the configuration is good")


@group.command("show")
@config_option
@json_option
def show(file: Path | None, as_json: bool) -> None:
    """Show every setting, its value, and where that came from; secrets are masked."""
    rows = _settings(config.load(file, os.environ, {}))
    if as_json:
        print_json({name: {"value": value, "from": origin} for name, value, origin in rows})
    else:
        print_table(("setting", "value", "from"), rows)


def _settings(settings: config.Config) -> list[tuple[str, Any, str]]:
    rows = []
    for section, kind in config.SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            rows.append((name, getattr(getattr(settings, section), key), settings.origins[name]))
    secrets = {"client_secret": settings.client_secret, "signing_secret": settings.signing_secrets}
    for name, secret in secrets.items():
        masked = "********" if secret else None
        rows.append((f"slack.{name}", masked, settings.origins.get(f"slack.{name}", "not set")))
    return rows
