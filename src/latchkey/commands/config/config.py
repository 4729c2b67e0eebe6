"""`latchkey config`, and `config show`: every setting, and where its value comes from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.config.check import check
from latchkey.commands.config.init import init
from latchkey.commands.context import settings_with_app
from latchkey.commands.terminal import (
    CommandGroup,
    as_text,
    config_option,
    json_option,
    print_json,
    print_table,
    print_values,
)
from latchkey.config import SECTIONS, Settings, load_settings

NOT_SET = "not set"
MASKED = "********"
UNUSED = "not used, because the store is in a database"


@click.group("config", cls=CommandGroup)
def group() -> None:
    """Create, check or show the configuration."""


group.add_command(init)
group.add_command(check)


@group.command("show")
@config_option
@json_option
def show(config_path: Path | None, as_json: bool) -> None:
    """Show every setting, its value and where it comes from. Secrets are masked."""
    rows = _settings_rows(settings_with_app(load_settings(config_path, os.environ, {})))
    if as_json:
        print_json({name: {"value": value, "from": origin} for name, value, origin in rows})
    elif sys.stdout.isatty():
        print_values((name, _with_origin(value, origin)) for name, value, origin in rows)
    else:
        print_table(("setting", "value", "from"), rows)


def _with_origin(value: Any, origin: str) -> str:
    """Return the value for a person, to whom a default needs no remark."""
    if origin.endswith(UNUSED):
        return f"{as_text(value)}  ({UNUSED})"
    return as_text(value) if origin in ("default", NOT_SET) else f"{as_text(value)}  (from {origin})"


def _settings_rows(settings: Settings) -> list[tuple[str, Any, str]]:
    rows = []
    for section, kind in SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            rows.append((name, getattr(getattr(settings, section), key), settings.origins[name]))
        if section == "slack":
            rows += _secret_rows(settings)
    return rows if settings.storage_url is None else [_with_database(row, settings) for row in rows]


def _with_database(row: tuple[str, Any, str], settings: Settings) -> tuple[str, Any, str]:
    """Return the row of a setting if the store is in a database."""
    name, value, origin = row
    if name == "storage.url" and not value:  # it is a secret, which may contain a password
        return name, f"{MASKED} ({settings.store_name})", origin
    return (name, value, f"{origin}; {UNUSED}") if name == "storage.path" else row


def _secret_rows(settings: Settings) -> list[tuple[str, Any, str]]:
    secrets = {"slack.client_secret": settings.client_secret, "slack.signing_secret": settings.signing_secrets}
    return [(name, MASKED if secret else None, settings.origins.get(name, NOT_SET)) for name, secret in secrets.items()]
