"""`latchkey keys status`, `add` and `verify`."""

import json
import os
import re
import time
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.storage import open_store
from latchkey.storage.crypto.keyring import read_keyring
from tests.commands.keys.store_files import RECORDS, contents, key_ids, paths, save, spoil
from tests.support.command_line import on_a_terminal, run, run_json

FLIPPED = "UPDATE bots SET value = CAST(replace(CAST(value AS TEXT), 'gAAAAA', 'gAAAAB') AS BLOB) WHERE key = '/T3'"
COPIED = "UPDATE bots SET value = (SELECT value FROM bots WHERE key = '/T4') WHERE key = '/T3'"


def test_status_shows_each_key_and_its_records(folder: Path) -> None:
    old = key_ids(folder)[0]
    rotated = run_json(folder, "keys", "rotate", "--yes")
    told = run_json(folder, "keys", "status")
    assert (told["unencrypted"], told["processes"]) == (0, [])
    first, second = told["keys"]
    assert (first["key_id"], first["status"], first["records"]) == (rotated["key_id"], "primary", RECORDS)
    assert first["tables"] == {"meta": 1, "installations": 5, "bots": 5, "workspaces": 5}
    assert (second["key_id"], second["status"], second["records"]) == (old, "retired", 0)
    assert second["made"] < first["made"]
    assert second["made"] <= second["retired"] <= time.time()
    assert first["retired"] is None
    done = run(folder, "keys", "status")
    assert done.returncode == 0
    date = r"20\d\d-\d\d-\d\d"
    assert re.search(rf"^{old}\tretired\t{date}\t{date}\t0\t$", done.stdout, re.MULTILINE)
    assert f"\t{RECORDS}\t1 meta, 5 installations, 5 bots, 5 workspaces\n" in done.stdout


def test_key_id_is_not_truncated_on_a_narrow_terminal(folder: Path) -> None:
    run(folder, "keys", "rotate", "--yes")
    code, shown = on_a_terminal(folder, "keys", "status", columns=60)
    assert code == 0
    for key_id in key_ids(folder):
        assert f"{key_id}\n" in shown


def test_status_lists_processes_and_their_keys(folder: Path) -> None:
    with closing(open_store(*paths(folder))):
        [process] = run_json(folder, "keys", "status")["processes"]
    assert process == {"pid": os.getpid(), "key_ids": list(key_ids(folder))}


def test_status_and_verify_name_a_lost_key(folder: Path) -> None:
    lost = read_keyring(paths(folder)[1]).primary_key
    keyring = paths(folder)[1]
    keyring.write_bytes(Fernet.generate_key() + b"\n" + lost.reveal())
    with closing(open_store(*paths(folder))) as store:
        save(store, "T0")
    keyring.write_bytes(read_keyring(keyring).primary_key.reveal())
    done = run(folder, "keys", "status")
    assert done.returncode == 0
    assert f"under the key {lost.key_id}, which the keyring lacks" in done.stderr
    assert "restore it" in done.stderr
    assert [key["status"] for key in json.loads(run(folder, "keys", "status", "--json").stdout)["keys"]] == [
        "primary",
        "missing",
    ]
    done = run(folder, "keys", "verify", "--json")
    assert done.returncode == 1
    verified = json.loads(done.stdout)
    assert (verified["ok"], verified["checked"], verified["unreadable_count"]) == (False, RECORDS, RECORDS - 3)
    assert {each["key_id"] for each in verified["unreadable"]} == {lost.key_id}


def test_verify_decrypts_every_record(folder: Path) -> None:
    assert run_json(folder, "keys", "verify") == {
        "ok": True,
        "checked": RECORDS,
        "unreadable_count": 0,
        "unreadable": [],
    }
    done = run(folder, "keys", "verify")
    assert (done.returncode, done.stdout) == (0, f"{RECORDS} records checked, 0 unreadable\n")


@pytest.mark.parametrize(
    ("sql", "said"), [(FLIPPED, "changed after it was encrypted"), (COPIED, "for another table or id")]
)
def test_unreadable_record_exits_1_and_is_named(folder: Path, sql: str, said: str) -> None:
    spoil(folder, sql)
    for command in (("verify",), ("rotate", "--yes"), ("rotate", "--yes")):
        done = run(folder, "keys", *command)
        assert done.returncode == 1
        assert f"record '/T3' of bots (key id {key_ids(folder)[-1]})" in done.stderr
        assert said in done.stderr
        assert "hint: " in done.stderr
        assert "sentinel" not in done.stdout + done.stderr
    assert "no key was retired" in done.stderr
    assert len(key_ids(folder)) == 2
    assert b"retired" not in contents(folder)["keyring"]


def test_add_makes_a_primary_key_and_advises_to_copy_the_keyring(folder: Path) -> None:
    old = key_ids(folder)
    done = run(folder, "keys", "add")
    assert done.returncode == 0
    assert key_ids(folder)[1:] == old
    assert done.stdout == f"added the primary key {key_ids(folder)[0]}\n"
    assert "copy the keyring" in done.stderr
    assert run_json(folder, "keys", "add") == {"key_id": key_ids(folder)[0]}
