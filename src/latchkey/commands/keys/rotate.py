"""`latchkey keys rotate`: every record under a new key, beside a running server."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.backup import back_up
from latchkey.commands.context import command_settings, opened_store
from latchkey.commands.keys.unreadable import name_unreadable
from latchkey.commands.keys.unreadable import to_json as findings_to_json
from latchkey.commands.output import (
    EXIT_FAILED,
    config_option,
    confirm,
    duration,
    json_option,
    plural,
    print_json,
    print_table,
    say,
    yes_option,
)
from latchkey.commands.progress import show_progress
from latchkey.storage import Backup, Rotated, StoreKeys


@click.command("rotate")
@config_option
@json_option
@yes_option
@click.option("--dry-run", is_flag=True, help="say what would be done, and change nothing")
@click.option("--no-backup", is_flag=True, help="make no backup first")
def rotate(config_path: Path | None, as_json: bool, yes: bool, dry_run: bool, no_backup: bool) -> None:
    """Back up the store, put every record under a new key, and mark the old keys as retired.

    It works beside a running server, and may be interrupted at any moment: the next run goes on. The
    old keys still open what they have sealed elsewhere, as in a backup, until `keys retire` drops them.
    """
    settings = command_settings(config_path)
    made: list[Backup] = []
    with opened_store(settings) as store:
        plan = _plan(store.keys)
        if dry_run:
            _print_plan(plan, as_json)
            return
        confirm(f"{_what(plan)}: {plural(plan['records'], 'record')}?", yes=yes)
        # Millions of small objects come and go, none of them in a cycle.
        gc.freeze()
        gc.set_threshold(50_000)
        try:
            with show_progress() as progress:

                def back_up_first() -> None:
                    if not no_backup:
                        made.append(back_up(settings, progress)[0])

                rotated = store.keys.rotate(progress, before=back_up_first)
        except KeyboardInterrupt:
            say("latchkey: interrupted; every record still opens")
            say("hint: run it again, and it goes on")
            sys.exit(EXIT_FAILED)
        path = store.keys.keyring_path
    backup = made[0].path if made else None
    if as_json:
        print_json({**_to_json(rotated), "backup": str(backup) if backup else None})
    else:
        _print_summary(rotated, path, backup)
    if rotated.findings.unreadable:
        sys.exit(EXIT_FAILED)


def _plan(keys: StoreKeys) -> dict[str, Any]:
    next_key = keys.next_key()
    use = keys.use()
    return {
        "new_key": next_key is None,
        "key_id": next_key,
        "records": sum(sum(counts.values()) for counts in use.values()),
        "under_it_already": sum(counts[next_key] for counts in use.values()) if next_key else 0,
        "processes": len(keys.openers()) - 1,
    }


def _what(plan: dict[str, Any]) -> str:
    return "Put all under a new key" if plan["new_key"] else f"Go on with the key {plan['key_id']}"


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_table(
        ("", ""),
        [
            ("key", "a new one would be made" if plan["new_key"] else f"{plan['key_id']}, which is there already"),
            ("records to be sealed again", plan["records"] - plan["under_it_already"]),
            ("records under that key already", plan["under_it_already"]),
            ("other processes that would have to take up the key", plan["processes"]),
        ],
    )
    say("nothing was changed")


def _to_json(rotated: Rotated) -> dict[str, Any]:
    return {
        "ok": not rotated.findings.unreadable,
        "key_id": rotated.key_id,
        "new_key": rotated.added,
        "sealed_again": rotated.resealed,
        "conflicts": rotated.conflicts,
        "retired": list(rotated.retired),
        "seconds": round(rotated.seconds, 3),
        "resealing_seconds": round(rotated.resealing_seconds, 3),
        **findings_to_json(rotated.findings),
    }


def _print_summary(rotated: Rotated, keyring_path: Path, backup: Path | None) -> None:
    findings = rotated.findings
    print_table(
        ("", ""),
        [
            ("backup", backup or "none"),
            ("key", f"{rotated.key_id}, {'new' if rotated.added else 'made before'}"),
            ("records sealed again", f"{rotated.resealed:,}"),
            ("of them changed by the server meanwhile", f"{rotated.conflicts:,}"),
            ("records opened under the key", f"{findings.checked - findings.unreadable:,} of {findings.checked:,}"),
            ("keys retired", list(rotated.retired) or "none"),
            ("took", f"{duration(rotated.seconds)}, {rotated.resealed / rotated.seconds:,.0f} records a second"),
        ],
    )
    name_unreadable(findings)
    if findings.unreadable:
        say("latchkey: no key was retired, since some records do not open under the new one")
        return
    say(f"hint: copy the keyring {keyring_path} now, apart from the store and its backups")
    for key_id in rotated.retired:
        say(f"hint: `latchkey keys retire {key_id}` drops the old key, once no backup needs it any more")
