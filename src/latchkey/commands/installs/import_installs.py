"""`latchkey installs import`: adds the installations of another program, or of an export.

Invariant: the output names workspaces and files, and never shows a token.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.terminal import (
    config_option,
    confirm,
    json_option,
    print_json,
    print_values,
    say,
    show_progress,
    yes_option,
)
from latchkey.errors import EXIT_FAILED, plural
from latchkey.storage import ImportResult, Merged, OpenedSource, open_source
from latchkey.tokens import AllowedWorkspaces

_LABELS = {
    Merged.NEW: "new here",
    Merged.UPDATED: "updated",
    Merged.UNCHANGED: "here already",
    Merged.NEWER_HERE: "kept, because they are newer here",
    Merged.UNREADABLE: "skipped, because a record here cannot be decrypted",
    Merged.NOT_ALLOWED: "skipped, because `[install] workspaces` does not list them",
}


@click.command("import")
@click.argument("source", metavar="SOURCE")
@click.option("--client-id", metavar="ID", help="the app, if the source has several (default: the configured app)")
@click.option(
    "--key-file", type=click.Path(path_type=Path), metavar="KEY", help="the key of an export made by `installs export`"
)
@click.option("--dry-run", is_flag=True, help="show what would be imported, and change nothing")
@config_option
@json_option
@yes_option
def import_installs(
    source: str,
    client_id: str | None,
    key_file: Path | None,
    dry_run: bool,
    config_path: Path | None,
    as_json: bool,
    yes: bool,
) -> None:
    """Add the installations of another program, or of an export. SOURCE is only read.

    SOURCE is the folder of slack_sdk's or Bolt for JavaScript's FileInstallationStore, the file of slack_sdk's
    SQLite3InstallationStore, the URL of the database of its SQLAlchemyInstallationStore, or a file that `latchkey
    installs export` has written.

    Of each token the newest is imported, unless a newer one is here. Workspaces that `[install] workspaces` does not
    list are skipped. The server can keep running, and the command can be interrupted and repeated. Stop the app that
    uses SOURCE first: each refresh token works only once.
    """
    settings = command_settings(config_path)
    with (
        opened_store(settings, keeps_root=True) as store,
        open_source(source, client_id=client_id or settings.slack.client_id or None, key_path=key_file) as opened,
    ):
        say(f"{source}: {opened.kind}, {plural(opened.count(), 'workspace')}")
        say("latchkey: stop the app that uses it first: each refresh token works only once")
        if not dry_run:
            confirm("Is that app stopped?", yes=yes)
        try:
            with show_progress() as progress:
                allows = AllowedWorkspaces(settings.install.workspaces).allow
                result = store.moving.import_from(opened, progress, allows=allows, dry_run=dry_run)
        except KeyboardInterrupt:
            say("latchkey: interrupted; what was imported is kept")
            say("hint: run the command again to continue")
            sys.exit(EXIT_FAILED)
    _report(opened, result, dry_run=dry_run, as_json=as_json)
    if not result.is_complete:
        sys.exit(EXIT_FAILED)


def _report(source: OpenedSource, result: ImportResult, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(_to_json(source.kind, dry_run, result))
    else:
        print_values((label, f"{result.workspaces[merged]:,}") for merged, label in _LABELS.items())
    _print_damaged(result)
    if dry_run:
        say("nothing was changed")
        return
    say("hint: the source still contains the tokens. Once this server works, destroy them, and their backups:")
    for line in source.advice:
        say(f"    {line}")


def _to_json(kind: str, dry_run: bool, result: ImportResult) -> dict[str, Any]:
    return {
        "source": kind,
        "dry_run": dry_run,
        **{merged.value: result.workspaces[merged] for merged in Merged},
        "damaged": result.damaged,
        "first_damaged": [part._asdict() for part in result.listed],
    }


def _print_damaged(result: ImportResult) -> None:
    for part in result.listed:
        say(f"latchkey: not imported: {part.where}: {part.reason}")
    if result.damaged > len(result.listed):
        say(f"latchkey: not imported: {result.damaged - len(result.listed):,} more")
