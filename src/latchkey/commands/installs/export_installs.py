"""`latchkey installs export`: writes all installations to a file that is encrypted with a key of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.terminal import config_option, json_option, print_json, say, show_progress
from latchkey.errors import EXIT_FAILED, LatchkeyError, plural


@click.command("export")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path), metavar="FILE", help="the file to create")
@click.option(
    "--key-file",
    "key_path",
    required=True,
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="the file to create for the new key",
)
@config_option
@json_option
def export_installs(path: Path, key_path: Path, config_path: Path | None, as_json: bool) -> None:
    """Write all installations to a new file, encrypted with a new key.

    Only their owner can read the two files; existing ones are never overwritten. `latchkey installs import FILE
    --key-file KEY` reads them, on this machine or another.
    """
    settings = command_settings(config_path)
    with opened_store(settings, keeps_root=True) as store, show_progress() as progress:
        try:
            result = store.moving.export_to(path, key_path, progress)
        except OSError as error:
            raise LatchkeyError(f"{error.filename or path}: {error.strerror}; nothing was exported") from None
    if as_json:
        document = {"file": str(path), "key_file": str(key_path), "workspaces": result.workspaces}
        print_json({**document, "unreadable": [str(error) for error in result.unreadable]})
    else:
        click.echo(f"exported {plural(result.workspaces, 'workspace')} to {path}, encrypted with the key in {key_path}")
    for unreadable in result.unreadable:
        say(f"latchkey: not exported: {unreadable}")
    say("hint: move the key apart from the file, and destroy both once they are imported")
    say("hint: stop this server before another one uses the export: each refresh token works only once")
    if result.unreadable:
        sys.exit(EXIT_FAILED)
