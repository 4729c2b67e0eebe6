"""`latchkey config`: what is configured, where it came from, and whether it can be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.output import config_option, json_option, print_json, print_table
from latchkey.config import SECTIONS, Settings, load_settings
from latchkey.errors import ConfigError


@click.group("config")
def group() -> None:
    """What is configured, and whether it can be used."""


@group.command("check")
@config_option
@json_option
def check(config_path: Path | None, as_json: bool) -> None:
    """Say all that is wrong with the configuration, or that nothing is."""
    try:
        load_settings(config_path, os.environ, {}).require_slack()
    except ConfigError as error:
        if not as_json:
            raise
        faults = [{"where": fault.where, "problem": fault.problem} for fault in error.faults]
        print_json({"ok": False, "faults": faults})
        sys.exit(error.exit_code)
    if as_json:
        print_json({"ok": True, "faults": []})
    else:
        click.echo("the configuration is good")


@group.command("show")
@config_option
@json_option
def show(config_path: Path | None, as_json: bool) -> None:
    """Show every setting, its value, and where that came from; secrets are masked."""
    rows = _settings_rows(load_settings(config_path, os.environ, {}))
    if as_json:
        print_json({name: {"value": value, "from": origin} for name, value, origin in rows})
    else:
        print_table(("setting", "value", "from"), rows)


def _settings_rows(settings: Settings) -> list[tuple[str, Any, str]]:
    rows = []
    for section, kind in SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            rows.append((name, getattr(getattr(settings, section), key), settings.origins[name]))
    secrets = {"client_secret": settings.client_secret, "signing_secret": settings.signing_secrets}
    for name, secret in secrets.items():
        masked = "********" if secret else None
        rows.append((f"slack.{name}", masked, settings.origins.get(f"slack.{name}", "not set")))
    return rows
