"""`latchkey restore`: replaces the store by a backup, after showing what that changes."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from latchkey import __version__
from latchkey.commands.backups.backup import to_json as backup_to_json
from latchkey.commands.context import acting_as_store_owner, command_settings, opened_store
from latchkey.commands.installs import check_workspaces
from latchkey.commands.terminal import (
    config_option,
    confirm,
    duration,
    json_option,
    print_json,
    print_table,
    show_progress,
    utc,
    yes_option,
)
from latchkey.config import Settings
from latchkey.errors import StoreRefused, plural
from latchkey.storage import (
    Backup,
    ChangeKind,
    Keyring,
    RestorePreview,
    back_up,
    check_backup,
    list_backups,
    open_store,
    preview_restore,
    read_backup,
    read_keyring,
    refuse_open,
    restore,
    restoring,
)


@click.command("restore")
@click.argument("backup", required=False)
@click.option("--dry-run", is_flag=True, help="show what would be lost and what would be restored; change nothing")
@click.option("--keep-events", is_flag=True, help="run the backup's unfinished events instead of marking them failed")
@click.option("--offline", is_flag=True, help="do not check the restored tokens with Slack")
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
    """Replace the store by a backup: BACKUP is its folder or its name (default: the newest).

    The server must be stopped. The current store is kept next to the restored one; of a store in a database, a backup
    is made first.
    """
    settings = command_settings(config_path)
    chosen = _choose(settings.backup_path, backup)
    with acting_as_store_owner(settings):
        _restore(settings, chosen, dry_run=dry_run, keep_events=keep_events, offline=offline, yes=yes, as_json=as_json)


def _restore(
    settings: Settings, chosen: Backup, *, dry_run: bool, keep_events: bool, offline: bool, yes: bool, as_json: bool
) -> None:
    keys = read_keyring(settings.keyring_path)
    is_file = settings.storage_url is None
    if not dry_run and is_file:
        refuse_open(settings.store_path)  # before the long check, and once more after it
    with show_progress() as progress:
        check_backup(chosen, keys, settings.keyring_path, progress)
    result: dict[str, Any] = {"backup": backup_to_json(chosen), "dry_run": dry_run}
    replaced = (_restore_file if is_file else _restore_into_database)(
        settings, chosen, keys, result, keep_events=keep_events, yes=yes, as_json=as_json
    )
    if dry_run:
        if as_json:
            print_json(result)
        return
    result["replaced"] = str(replaced) if replaced else None
    if not as_json:
        click.echo(f"restored {chosen.path.name}" + (f"; the previous store is {replaced}" if replaced else ""))
    _check_tokens(settings, result, offline=offline, as_json=as_json)


def _restore_file(
    settings: Settings,
    chosen: Backup,
    keys: Keyring,
    result: dict[str, Any],
    *,
    keep_events: bool,
    yes: bool,
    as_json: bool,
) -> Path | None:
    """Show what a restore changes and, unless it is only shown, make it; returns the previous store."""
    path = settings.store_path
    if result["dry_run"]:
        result |= _show(chosen, preview_restore(path, chosen.store, keys), as_json, keep_events)
        return None
    with restoring(path):
        result |= _show(chosen, preview_restore(path, chosen.store, keys), as_json, keep_events)
        confirm(f"Replace {path} by the backup {chosen.path.name}?", yes=yes)
        return restore(path, chosen, keys, now=time.time(), keep_events=keep_events)


def _restore_into_database(
    settings: Settings,
    chosen: Backup,
    keys: Keyring,
    result: dict[str, Any],
    *,
    keep_events: bool,
    yes: bool,
    as_json: bool,
) -> Path | None:
    """The same for a store in a database; returns the backup that was made of the previous records."""
    # A database that was lost may be empty.
    with closing(open_store(settings.store_location, settings.keyring_path, new_store=True)) as store:
        result |= _show(chosen, store.preview_restore(chosen.store, keys), as_json, keep_events)
        if result["dry_run"]:
            return None
        confirm(f"Replace all records in {settings.store_name} by the backup {chosen.path.name}?", yes=yes)
        with show_progress() as progress:
            previous = back_up(
                settings.store_location,
                settings.keyring_path,
                settings.backup_path,
                made_by=__version__,
                progress=progress,
            )
            store.restore(chosen, keys, keep_events=keep_events, progress=progress)
    return previous.path


def _choose(folder: Path, name: str | None) -> Backup:
    if name is None:
        found = list_backups(folder)
        if not found:
            raise StoreRefused(f"there is no backup in {folder}", hint="pass a folder: latchkey restore FOLDER")
        return found[0]
    # A name is looked up among the backups first, before a folder of that name in the current folder.
    inside = folder / name
    if Path(name).name == name and inside.is_dir():
        return read_backup(inside)
    if not Path(name).is_dir():
        names = ", ".join(backup.path.name for backup in list_backups(folder)[:5])
        raise StoreRefused(
            f"there is no backup {name}: not a folder, and not in {folder}",
            hint=f"the newest are {names}" if names else "",
        )
    return read_backup(Path(name))


def _show(backup: Backup, preview: RestorePreview, as_json: bool, keep_events: bool) -> dict[str, Any]:
    """Print what a restore changes, unless `as_json`; returns it for JSON."""
    if not as_json:
        age = duration(max(0.0, time.time() - backup.made_at))
        records = plural(sum(backup.records.values()), "record")
        click.echo(f"backup {backup.path}, made {utc(backup.made_at)}, {age} ago, with {records}")
        _print_changes(preview)
        then = "will run at the next start" if keep_events else "will be marked failed (see `latchkey events list`)"
        lost, restored = preview.events_lost, preview.events_restored
        click.echo(f"unfinished events: {lost:,} would be lost; {restored:,} from the backup {then}")
    return {
        "problem": preview.problem or None,
        **{kind.value: preview.counts[kind] for kind in ChangeKind},
        "changes": [change._asdict() for change in preview.changes],
        "events_lost": preview.events_lost,
        "events_restored": preview.events_restored,
    }


def _print_changes(preview: RestorePreview) -> None:
    if preview.problem:
        click.echo(f"cannot tell what would be lost, because the current store cannot be read: {preview.problem}")
        return
    lost, older, restored = (preview.counts[kind] for kind in (ChangeKind.LOST, ChangeKind.OLDER, ChangeKind.RESTORED))
    click.echo(f"installations: {lost:,} would be lost, {older:,} replaced by older ones, {restored:,} restored")
    columns = ("change", "token of", "team_id", "enterprise_id", "app_id", "installed", "in the backup")
    rows = [
        (
            change.kind.value,
            change.user_id or "bot",
            change.team_id,
            change.enterprise_id,
            change.app_id,
            utc(change.installed_at) if change.installed_at is not None else None,
            utc(change.installed_at_in_backup) if change.installed_at_in_backup is not None else None,
        )
        for change in preview.changes
    ]
    if rows:
        print_table(columns, rows)
    if len(rows) < lost + older + restored:
        click.echo(f"… and {lost + older + restored - len(rows):,} more")


def _check_tokens(settings: Settings, result: dict[str, Any], *, offline: bool, as_json: bool) -> None:
    """Check the restored tokens with Slack, and print the rest of the result."""
    checked = None
    if not offline:
        with opened_store(settings) as store:
            checked = check_workspaces(store.workspaces.all(), settings, total=store.workspaces.count())
    if as_json:
        print_json({**result, "tokens": checked.to_json() if checked else None})
    elif checked:
        checked.print()
