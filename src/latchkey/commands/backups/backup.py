"""`latchkey backup`: copies the store, beside a running server or without one, and checks the copy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from latchkey import __version__
from latchkey.commands.context import command_settings
from latchkey.commands.terminal import Number, config_option, json_option, print_json, say, show_progress
from latchkey.config import Settings
from latchkey.errors import EXIT_FAILED, plural
from latchkey.storage import Backup, ProgressCallback, prune
from latchkey.storage import back_up as make_backup_of


@click.command("backup")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="folder for the new backup, instead of [backup] path",
)
@click.option("--keep", type=Number(1), metavar="N", help="number of backups to keep, instead of [backup] keep")
@config_option
@json_option
def command(folder: Path | None, keep: int | None, config_path: Path | None, as_json: bool) -> None:
    """Back up the store to a new folder named after the date. The server may keep running.

    The keyring is not in the backup: keep a copy of it elsewhere.
    """
    with show_progress() as progress:
        backup, deleted = back_up(command_settings(config_path), progress, folder, keep)
    _report(backup, deleted, as_json=as_json)
    if backup.unreadable:
        sys.exit(EXIT_FAILED)


def back_up(
    settings: Settings, progress: ProgressCallback, folder: Path | None = None, keep: int | None = None
) -> tuple[Backup, list[Path]]:
    """Make a backup in [backup] path or in `folder`; returns it and the older backups that were deleted."""
    folder = folder or settings.backup_path
    backup = make_backup_of(
        settings.store_location, settings.keyring_path, folder, made_by=__version__, progress=progress
    )
    # An older backup may be the last one in which an unreadable record can still be decrypted.
    deleted = [] if backup.unreadable else prune(folder, keep or settings.backup.keep, spare=backup.path)
    return backup, deleted


def to_json(backup: Backup) -> dict[str, Any]:
    return {
        "path": str(backup.path),
        "made_at": backup.made_at,
        "bytes": backup.size,
        "key_ids": list(backup.key_ids),
        "records": dict(backup.records),
        "unreadable": backup.unreadable,
    }


def _report(backup: Backup, deleted: list[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({**to_json(backup), "deleted": [str(path) for path in deleted]})
    else:
        click.echo(str(backup.path))
        size, records = f"{backup.size / 1e6:,.1f} MB", plural(sum(backup.records.values()), "record")
        say(f"{records}, {size}, checked; needs the key ids {', '.join(backup.key_ids)}")
        for path in deleted:
            say(f"deleted {path}")
    if backup.unreadable:
        say(
            f"latchkey: {plural(backup.unreadable, 'record')} of the store cannot be decrypted;"
            " the backup contains them, and no older backup was deleted"
        )
        say("hint: put the missing keys back into the keyring, or restore an older backup")
