"""`latchkey keys`: shows the encryption keys and what they have encrypted, adds one, verifies all records.

Invariant: a key is shown only by its id.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from latchkey.commands.context import configured_store
from latchkey.commands.keys.retire import retire
from latchkey.commands.keys.rotate import rotate
from latchkey.commands.keys.unreadable import name_unreadable
from latchkey.commands.keys.unreadable import to_json as verification_to_json
from latchkey.commands.terminal import (
    CommandGroup,
    config_option,
    json_option,
    print_gap,
    print_json,
    print_table,
    say,
    show_progress,
    utc,
)
from latchkey.errors import EXIT_FAILED, KeyringError, plural
from latchkey.logs import print_error
from latchkey.storage import FAILED, KeyEntry, KeyUse, StoreKeys

_MISSING = "missing"
_TABLES = {FAILED: "failed"}
"""What people call a table whose name in the file is older."""


@click.group("keys", cls=CommandGroup)
def group() -> None:
    """Show, add, rotate, verify and retire encryption keys."""


@group.command("status")
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Show each key, the records under it, and the processes that use it."""
    with configured_store(config_path) as store:
        use = store.keys.use()
        keys, processes = _keys_to_json(store.keys, use), _processes_to_json(store.keys)
        try:
            store.keys.next_key()
        except KeyringError as error:
            print_error(error)
    unencrypted = sum(counts[""] for counts in use.values())
    if as_json:
        print_json({"keys": keys, "unencrypted": unencrypted, "processes": processes})
        return
    columns = ("key_id", "status", "made", "retired", "records", "tables")
    print_table(columns, [[_cell(key, column) for column in columns] for key in keys])
    if processes:
        print_gap()
        print_table(("process", "encrypts with"), [(each["pid"], _encrypts_with(each, keys)) for each in processes])
    for key in keys:
        if key["status"] == _MISSING:
            say(f"latchkey: {plural(key['records'], 'record')} under the key {key['key_id']}, which the keyring lacks")
            say("hint: restore it from the copy of the keyring, or restore a backup that needs only the present keys")
    if unencrypted:
        say(f"latchkey: {plural(unencrypted, 'value')} that are not encrypted; `latchkey keys verify` names them")


@group.command("add")
@config_option
@json_option
def add(config_path: Path | None, as_json: bool) -> None:
    """Add a new key. New records use it; existing ones are left as they are.

    With a store in a database, no record uses it until `latchkey keys rotate`, because every server must have it first.
    """
    with configured_store(config_path, keeps_root=True) as store:
        key_id = store.keys.add()
        path, has_copies = store.keys.keyring_path, store.keys.has_copies
    if as_json:
        print_json({"key_id": key_id})
        return
    if has_copies:
        click.echo(f"added the key {key_id}")
        say(f"hint: copy the keyring {path} to every machine; then `latchkey keys rotate` makes the key primary")
        return
    click.echo(f"added the primary key {key_id}")
    say(f"hint: copy the keyring {path} now, apart from the store; `latchkey keys rotate` re-encrypts existing records")


group.add_command(rotate)


@group.command("verify")
@config_option
@json_option
def verify(config_path: Path | None, as_json: bool) -> None:
    """Decrypt every record of every table, and name the unreadable ones."""
    with configured_store(config_path) as store, show_progress() as progress:
        result = store.keys.verify(progress)
    if as_json:
        print_json({"ok": not result.unreadable, **verification_to_json(result)})
    else:
        name_unreadable(result)
        click.echo(f"{plural(result.total, 'record')} checked, {result.unreadable:,} unreadable")
    if result.unreadable:
        sys.exit(EXIT_FAILED)


group.add_command(retire)


def _keys_to_json(keys: StoreKeys, use: KeyUse) -> list[dict[str, Any]]:
    """Return the keyring's keys, then those that records need and the keyring lacks."""
    entries = keys.entries()
    missing = {key_id for counts in use.values() for key_id in counts if key_id} - {entry.key_id for entry in entries}
    documents = []
    for entry in [*entries, *(KeyEntry(key_id, None, None) for key_id in sorted(missing))]:
        counted = {table: counts[entry.key_id] for table, counts in use.items()}
        tables = {_TABLES.get(table, table): count for table, count in counted.items() if count}
        if entry.key_id in missing:
            status = _MISSING
        elif entry is entries[0]:
            status = "primary"
        else:
            status = "active" if entry.retired_at is None else "retired"
        documents.append(
            {
                "key_id": entry.key_id,
                "status": status,
                "made": entry.made_at,
                "retired": entry.retired_at,
                "records": sum(tables.values()),
                "tables": tables,
            }
        )
    return documents


def _processes_to_json(keys: StoreKeys) -> list[dict[str, Any]]:
    """Return every other process that has the store open, with its keys, the one that it encrypts with first."""
    others = [process for process in keys.processes() if process.pid != os.getpid()]
    return [{"pid": process.pid, "key_ids": list(process.key_ids or ())} for process in others]


def _encrypts_with(process: dict[str, Any], keys: list[dict[str, Any]]) -> str:
    if not process["key_ids"]:
        return "unknown"
    primary = process["key_ids"][0]
    return f"{primary} (primary)" if primary == keys[0]["key_id"] else f"{primary} (not the primary key)"


def _cell(key: dict[str, Any], column: str) -> object:
    value = key[column]
    if column in ("made", "retired") and value is not None:
        return utc(value).partition(" ")[0]
    return ", ".join(f"{count:,} {table}" for table, count in value.items()) if column == "tables" else value
