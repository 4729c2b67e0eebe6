"""`latchkey storage`, and `storage migrate`."""

from __future__ import annotations

from pathlib import Path

import click

from latchkey.commands.context import command_settings
from latchkey.commands.storage.copy import copy
from latchkey.commands.terminal import CommandGroup, config_option, json_option, print_json
from latchkey.errors import StoreRefused
from latchkey.storage import migrate_database


@click.group("storage", cls=CommandGroup)
def group() -> None:
    """Copy the store into a database or back, or upgrade a database's schema."""


group.add_command(copy)


@group.command("migrate")
@config_option
@json_option
def migrate(config_path: Path | None, as_json: bool) -> None:
    """Create or upgrade the schema of the store's database.

    Afterwards the server needs no right to change the schema. It does the same at its start, if it has that right.
    """
    settings = command_settings(config_path)
    if settings.storage_url is None:
        raise StoreRefused(f"the store is the file {settings.store_path}, which has no schema to upgrade")
    applied = migrate_database(settings.storage_url)
    if as_json:
        print_json({"applied": applied})
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
