"""`latchkey keys`: which encryption keys there are, what they have sealed, and whether all of it opens.

Rule: a key is shown by its id. Changing every record and dropping a key are in
`commands.rotation` and `commands.retirement`.
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
from latchkey.commands.keys.unreadable import to_json as findings_to_json
from latchkey.commands.output import (
    EXIT_FAILED,
    CommandGroup,
    config_option,
    json_option,
    plural,
    print_json,
    print_table,
    say,
    utc,
)
from latchkey.commands.progress import show_progress
from latchkey.errors import KeyringError
from latchkey.storage import KeyEntry, KeyUse, StoreKeys

_MISSING = "missing"


@click.group("keys", cls=CommandGroup)
def group() -> None:
    """The encryption keys of the store."""


group.add_command(rotate)
group.add_command(retire)


@group.command("status")
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Show each key, what it has sealed, and which processes use it."""
    with configured_store(config_path) as store:
        use = store.keys.use()
        keys, processes = _keys_to_json(store.keys, use), _processes_to_json(store.keys)
        try:
            store.keys.next_key()
        except KeyringError as error:
            say(f"latchkey: {error}")
            say(f"hint: {error.hint}")
    unsealed = sum(counts[""] for counts in use.values())
    if as_json:
        print_json({"keys": keys, "unsealed": unsealed, "processes": processes})
        return
    columns = ("key_id", "state", "made", "retired", "records", "tables")
    print_table(columns, [[_cell(key, column) for column in columns] for key in keys])
    if processes:
        print_table(("process", "has the store open, and"), [(each["pid"], each["state"]) for each in processes])
    for key in keys:
        if key["state"] == _MISSING:
            say(f"latchkey: {plural(key['records'], 'record')} under the key {key['key_id']}, which the keyring lacks")
            say("hint: put it back from the keyring's copy, or restore a backup that needs only the keys that are here")
    if unsealed:
        say(f"latchkey: {plural(unsealed, 'record')} that are not sealed; `latchkey keys verify` names them")


@group.command("add")
@config_option
@json_option
def add(config_path: Path | None, as_json: bool) -> None:
    """Put a new key in front: it seals what is written from now on. What is stored stays as it is."""
    with configured_store(config_path) as store:
        key_id = store.keys.add()
        path = store.keys.keyring_path
    if as_json:
        print_json({"key_id": key_id})
        return
    click.echo(f"the key {key_id} seals from now on")
    say(f"hint: copy the keyring {path} now, apart from the store; `latchkey keys rotate` puts all records under it")


@group.command("verify")
@config_option
@json_option
def verify(config_path: Path | None, as_json: bool) -> None:
    """Open every record of every table, and name those that cannot be opened."""
    with configured_store(config_path) as store, show_progress() as progress:
        findings = store.keys.verify(progress)
    if as_json:
        print_json({"ok": not findings.unreadable, **findings_to_json(findings)})
    else:
        name_unreadable(findings)
        click.echo(f"{plural(findings.checked, 'record')} checked, {findings.unreadable:,} cannot be opened")
    if findings.unreadable:
        sys.exit(EXIT_FAILED)


def _keys_to_json(keys: StoreKeys, use: KeyUse) -> list[dict[str, Any]]:
    """Return what is told of each key, those that records need and the keyring lacks last."""
    entries = keys.entries()
    missing = {key_id for counts in use.values() for key_id in counts if key_id} - {entry.key_id for entry in entries}
    told = []
    for entry in [*entries, *(KeyEntry(key_id, None, None) for key_id in sorted(missing))]:
        tables = {table: counts[entry.key_id] for table, counts in use.items() if counts[entry.key_id]}
        if entry.key_id in missing:
            state = _MISSING
        elif entry is entries[0]:
            state = "seals"
        else:
            state = "opens" if entry.retired_at is None else "retired"
        told.append(
            {
                "key_id": entry.key_id,
                "state": state,
                "made": entry.made_at,
                "retired": entry.retired_at,
                "records": sum(tables.values()),
                "tables": tables,
            }
        )
    return told


def _processes_to_json(keys: StoreKeys) -> list[dict[str, Any]]:
    """Return what is told of every other process that has the store open."""
    first = keys.entries()[0].key_id
    told = []
    for pid, key_ids in keys.openers():
        if pid == os.getpid():
            continue
        if not key_ids:
            state = "does not say which key it seals with"
        elif key_ids[0] == first:
            state = "seals with the first key"
        else:
            state = f"seals with {key_ids[0]}"
        told.append({"pid": pid, "key_ids": list(key_ids or ()), "state": state})
    return told


def _cell(key: dict[str, Any], column: str) -> object:
    value = key[column]
    if column in ("made", "retired") and value is not None:
        return utc(value).partition(" ")[0]
    return ", ".join(f"{count:,} {table}" for table, count in value.items()) if column == "tables" else value
