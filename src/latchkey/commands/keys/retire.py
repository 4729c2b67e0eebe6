"""`latchkey keys retire`: drops a key that nothing needs any longer from the keyring."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.terminal import (
    config_option,
    confirm,
    confirm_by_typing,
    json_option,
    print_json,
    say,
    yes_option,
)
from latchkey.errors import EXIT_FAILED, plural
from latchkey.storage import KeyUsers, list_backups


@click.command("retire")
@click.argument("key_id")
@config_option
@json_option
@yes_option
@click.option("--force", is_flag=True, help="drop it even if it is needed: what it has encrypted is lost")
def retire(key_id: str, config_path: Path | None, as_json: bool, yes: bool, force: bool) -> None:
    """Drop a key from the keyring, once no record and no backup needs it."""
    settings = command_settings(config_path)

    def confirm_drop(users: KeyUsers) -> None:
        _print_users(key_id, users)
        if users and not force:
            say("latchkey: the key was not dropped")
            for hint in _hints(users, settings.backup.keep):
                say(f"hint: {hint}")
            sys.exit(EXIT_FAILED)
        if users:
            confirm_by_typing(f"Lose everything that is encrypted with the key {key_id}?", key_id, yes=yes)
        else:
            confirm(f"Drop the key {key_id} from the keyring?", yes=yes)

    backups = {str(backup.path): backup.key_ids for backup in list_backups(settings.backup_path)}
    with opened_store(settings, keeps_root=True) as store:
        store.keys.retire(key_id, backups, confirm=confirm_drop)
        path = store.keys.keyring_path
    if as_json:
        print_json({"key_id": key_id, "dropped": True})
        return
    click.echo(f"dropped the key {key_id} from {path}")
    say("hint: destroy its copies too, once no backup that needs it is kept anywhere")


def _print_users(key_id: str, users: KeyUsers) -> None:
    found = [f"{plural(count, 'record')} of {table}" for table, count in users.records.items()]
    found += [f"the backup {name}" for name in users.backups]
    found += [f"process {pid}, which does not encrypt with the primary key" for pid in users.processes]
    for what in found:
        say(f"latchkey: the key {key_id} is needed by {what}")


def _hints(users: KeyUsers, kept_backups: int) -> list[str]:
    hints = []
    if users.records:
        hints.append("`latchkey keys rotate` re-encrypts all records under another key")
    if users.backups:
        hints.append(f"delete these backups, or wait until newer ones have replaced them: {kept_backups} are kept")
    if users.processes:
        hints.append("restart these processes")
    return [*hints, "--force drops the key anyway, and what it has encrypted is lost"]
