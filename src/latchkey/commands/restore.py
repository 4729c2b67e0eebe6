"""`latchkey restore`: a backup put in the store's place, after it was told what that costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from latchkey.commands.backup import to_json as backup_to_json
from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.installs import check_workspaces
from latchkey.commands.output import (
    config_option,
    confirm,
    duration,
    json_option,
    plural,
    print_json,
    print_table,
    utc,
    yes_option,
)
from latchkey.commands.progress import show_progress
from latchkey.config import Settings
from latchkey.errors import StoreRefused
from latchkey.storage import (
    Backup,
    Comparison,
    Fate,
    check_backup,
    compare,
    list_backups,
    read_backup,
    read_keyring,
    refuse_open,
    restore,
    restoring,
)


@click.command("restore")
@click.argument("backup", required=False)
@click.option("--dry-run", is_flag=True, help="say what would be lost and what would come back, and change nothing")
@click.option("--keep-events", is_flag=True, help="run the backup's unfinished events instead of setting them aside")
@click.option("--offline", is_flag=True, help="do not ask Slack about the restored tokens")
@yes_option
@config_option
@json_option
def command(
    backup: str | None,
    dry_run: bool,
    keep_events: bool,
    offline: bool,
    yes: bool,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Put a backup in the store's place: BACKUP is its folder, or its name; the newest where none is given.

    The server must be stopped. The store as it is is kept beside the restored one.
    """
    settings = command_settings(config_path)
    chosen = _choose(settings.backup_path, backup)
    keys = read_keyring(settings.keyring_path)
    if not dry_run:
        refuse_open(settings.store_path)  # before the long work, and again after it
    with show_progress() as progress:
        check_backup(chosen, keys, settings.keyring_path, progress)
    told: dict[str, Any] = {"backup": backup_to_json(chosen), "dry_run": dry_run}
    if dry_run:
        told |= _tell(chosen, compare(settings.store_path, chosen.store, keys), as_json, keep_events)
        if as_json:
            print_json(told)
        return
    with restoring(settings.store_path):
        told |= _tell(chosen, compare(settings.store_path, chosen.store, keys), as_json, keep_events)
        confirm(f"Put the backup {chosen.path.name} in the place of {settings.store_path}?", yes=yes)
        replaced = restore(settings.store_path, chosen, keys, now=time.time(), keep_events=keep_events)
    told["replaced"] = str(replaced) if replaced else None
    if not as_json:
        click.echo(f"restored {chosen.path.name}" + (f"; the store before it is {replaced}" if replaced else ""))
    _ask(settings, told, offline=offline, as_json=as_json)


def _choose(folder: Path, name: str | None) -> Backup:
    if name is None:
        found = list_backups(folder)
        if not found:
            raise StoreRefused(f"there is no backup in {folder}", hint="name one: latchkey restore FOLDER")
        return found[0]
    # A name is looked for among the backups first, so that a folder here of the same name is not taken for one.
    inside = folder / name
    if Path(name).name == name and inside.is_dir():
        return read_backup(inside)
    if not Path(name).is_dir():
        names = ", ".join(backup.path.name for backup in list_backups(folder)[:5])
        raise StoreRefused(
            f"there is no backup {name}, neither as a folder nor in {folder}",
            hint=f"the newest are {names}" if names else "",
        )
    return read_backup(Path(name))


def _tell(backup: Backup, found: Comparison, as_json: bool, keep_events: bool) -> dict[str, Any]:
    """Tell people what a restore changes; returns what scripts are told of it."""
    if not as_json:
        age = duration(max(0.0, time.time() - backup.made_at))
        records = plural(sum(backup.records.values()), "record")
        click.echo(f"backup {backup.path}, made {utc(backup.made_at)}, {age} ago, with {records}")
        _tell_differences(found)
        fate = "to run at the next start" if keep_events else "set aside, for `latchkey events`"
        click.echo(f"events not done: {found.events_lost:,} are lost, {found.events_back:,} come back, {fate}")
    return {
        "problem": found.problem or None,
        **{fate.value: found.counts[fate] for fate in Fate},
        "differences": [difference._asdict() for difference in found.listed],
        "events_lost": found.events_lost,
        "events_back": found.events_back,
    }


def _tell_differences(found: Comparison) -> None:
    if found.problem:
        click.echo(f"what is lost with the store as it is is not known: {found.problem}")
        return
    lost, older, back = (found.counts[fate] for fate in (Fate.LOST, Fate.OLDER, Fate.BACK))
    click.echo(f"installations: {lost:,} are lost, {older:,} become older, {back:,} come back")
    columns = ("", "token of", "team_id", "enterprise_id", "app_id", "installed", "in the backup")
    rows = [
        (
            item.fate.value,
            item.user_id or "bot",
            item.team_id,
            item.enterprise_id,
            item.app_id,
            utc(item.installed_at) if item.installed_at is not None else None,
            utc(item.in_backup) if item.in_backup is not None else None,
        )
        for item in found.listed
    ]
    if rows:
        print_table(columns, rows)
    if len(rows) < lost + older + back:
        click.echo(f"… and {lost + older + back - len(rows):,} more")


def _ask(settings: Settings, told: dict[str, Any], *, offline: bool, as_json: bool) -> None:
    """Ask Slack which of the restored tokens it still takes, and end the report."""
    checked = None
    if not offline:
        with opened_store(settings) as store:
            checked = check_workspaces(store.workspaces.all(), settings.slack.api_url)
    if as_json:
        print_json({**told, "tokens": checked.to_json() if checked else None})
    elif checked:
        checked.print()
