"""`latchkey keys rotate`: re-encrypts every record under a new key, beside a running server."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.backups import back_up
from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.keys.unreadable import name_unreadable
from latchkey.commands.keys.unreadable import to_json as verification_to_json
from latchkey.commands.terminal import (
    config_option,
    confirm,
    duration,
    json_option,
    print_json,
    print_values,
    say,
    show_progress,
    yes_option,
)
from latchkey.errors import EXIT_FAILED, plural
from latchkey.storage import Backup, RotationResult, StoreKeys


@click.command("rotate")
@config_option
@json_option
@yes_option
@click.option("--dry-run", is_flag=True, help="show what would be done, and change nothing")
@click.option("--no-backup", is_flag=True, help="do not back up the store first")
def rotate(config_path: Path | None, as_json: bool, yes: bool, dry_run: bool, no_backup: bool) -> None:
    """Back up the store, re-encrypt every record under a new key, and mark the old keys as retired.

    The server can keep running. The command may be interrupted at any moment; the next run continues.
    Retired keys stay in the keyring, because backups may need them, until `keys retire` drops them.
    """
    settings = command_settings(config_path)
    made: list[Backup] = []
    with opened_store(settings, keeps_root=True) as store:
        plan = _plan(store.keys)
        if dry_run:
            _print_plan(plan, as_json)
            return
        confirm(f"Re-encrypt {plural(plan['records'], 'record')} under {_which_key(plan)}?", yes=yes)
        # Millions of small objects are created, and none of them is part of a cycle.
        gc.freeze()
        gc.set_threshold(50_000)
        try:
            with show_progress() as progress:

                def back_up_first() -> None:
                    if not no_backup:
                        made.append(back_up(settings, progress)[0])

                result = store.keys.rotate(progress, before=back_up_first)
        except KeyboardInterrupt:
            say("latchkey: interrupted; all records are still readable")
            say("hint: run the command again to continue")
            sys.exit(EXIT_FAILED)
        path = store.keys.keyring_path
    backup = made[0].path if made else None
    if as_json:
        print_json({**_to_json(result), "backup": str(backup) if backup else None})
    else:
        _print_summary(result, path, backup)
    if result.verified.unreadable:
        sys.exit(EXIT_FAILED)


def _plan(keys: StoreKeys) -> dict[str, Any]:
    next_key = keys.next_key()
    use = keys.use()
    return {
        "new_key": next_key is None,
        "key_id": next_key,
        "records": sum(sum(counts.values()) for counts in use.values()),
        "already_under_it": sum(counts[next_key] for counts in use.values()) if next_key else 0,
        "processes": len(keys.processes()) - 1,
    }


def _which_key(plan: dict[str, Any]) -> str:
    return "a new key" if plan["new_key"] else f"the key {plan['key_id']}"


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_values(
        [
            ("key", "a new one would be added" if plan["new_key"] else f"{plan['key_id']}, which exists already"),
            ("records to re-encrypt", plan["records"] - plan["already_under_it"]),
            ("records already under that key", plan["already_under_it"]),
            ("running processes that must pick up the key", plan["processes"]),
        ],
    )
    say("nothing was changed")


def _to_json(result: RotationResult) -> dict[str, Any]:
    return {
        "ok": not result.verified.unreadable,
        "key_id": result.key_id,
        "new_key": result.added,
        "reencrypted": result.reencrypted,
        "conflicts": result.conflicts,
        "retired": list(result.retired),
        "seconds": round(result.seconds, 3),
        "reencryption_seconds": round(result.reencryption_seconds, 3),
        **verification_to_json(result.verified),
    }


def _print_summary(result: RotationResult, keyring_path: Path, backup: Path | None) -> None:
    total, unreadable = result.verified.total, result.verified.unreadable
    rate = result.reencrypted / result.seconds
    print_values(
        [
            ("backup", backup or "none"),
            ("primary key", f"{result.key_id}, {'new' if result.added else 'added before'}"),
            ("records re-encrypted", f"{result.reencrypted:,}"),
            ("changed concurrently (retried)", f"{result.conflicts:,}"),
            ("records verified", f"{total - unreadable:,} of {total:,}"),
            ("keys retired", list(result.retired) or "none"),
            ("took", f"{duration(result.seconds)}, {rate:,.0f} records per second"),
        ],
    )
    name_unreadable(result.verified)
    if unreadable:
        say("latchkey: no key was retired, because some records cannot be decrypted")
        return
    say(f"hint: copy the keyring {keyring_path} now, apart from the store and its backups")
    for key_id in result.retired:
        say(f"hint: `latchkey keys retire {key_id}` drops the old key, once no backup needs it")
