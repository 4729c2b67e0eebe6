"""`latchkey backup`: the store copied beside the running server, checked, and told where it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from latchkey import __version__
from latchkey.commands.context import command_settings
from latchkey.commands.output import EXIT_FAILED, config_option, json_option, plural, print_json, say
from latchkey.commands.progress import show_progress
from latchkey.config import Settings
from latchkey.storage import Backup, ProgressCallback, make_backup, prune


@click.command("backup")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="in place of [backup] path of config.toml"
)
@click.option("--keep", type=click.IntRange(1), metavar="N", help="in place of [backup] keep of config.toml")
@config_option
@json_option
def command(folder: Path | None, keep: int | None, config_path: Path | None, as_json: bool) -> None:
    """Back up the store into a new dated folder, beside a running server or without one.

    The keyring is not in it: keep a copy of that elsewhere.
    """
    with show_progress() as progress:
        backup, gone = back_up(command_settings(config_path), progress, folder, keep)
    _report(backup, gone, as_json=as_json)
    if backup.unreadable:
        sys.exit(EXIT_FAILED)


def back_up(
    settings: Settings, progress: ProgressCallback, folder: Path | None = None, keep: int | None = None
) -> tuple[Backup, list[Path]]:
    """Make a backup where the configuration says, or in `folder`; returns it, and the older ones that are gone."""
    folder = folder or settings.backup_path
    backup = make_backup(settings.store_path, settings.keyring_path, folder, made_by=__version__, progress=progress)
    # An older backup may be the last one in which such a record can be opened.
    gone = [] if backup.unreadable else prune(folder, keep or settings.backup.keep, spare=backup.path)
    return backup, gone


def to_json(backup: Backup) -> dict[str, Any]:
    """Return what scripts are told of a backup."""
    return {
        "path": str(backup.path),
        "made_at": backup.made_at,
        "bytes": backup.size,
        "key_ids": list(backup.key_ids),
        "records": dict(backup.records),
        "unreadable": backup.unreadable,
    }


def _report(backup: Backup, gone: list[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({**to_json(backup), "deleted": [str(path) for path in gone]})
    else:
        click.echo(str(backup.path))
        size, records = f"{backup.size / 1e6:,.1f} MB", plural(sum(backup.records.values()), "record")
        say(f"{records}, {size}, checked; needs the key ids {', '.join(backup.key_ids)}")
        for path in gone:
            say(f"deleted {path}")
    if backup.unreadable:
        say(
            f"latchkey: {plural(backup.unreadable, 'record')} of the store cannot be opened;"
            " the backup holds what the store holds, and no older one was deleted"
        )
        say("hint: put their keys back, or restore an older backup")
