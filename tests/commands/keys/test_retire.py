"""`latchkey keys retire`: drops only keys that nothing needs."""

import os
from contextlib import closing
from pathlib import Path

from latchkey.storage import KeyUsers, open_store
from tests.commands.keys.store_files import contents, key_ids, paths, with_another_keyring
from tests.support.command_line import impatient, on_a_terminal, run, run_json


def test_retire_drops_an_unused_key(folder: Path) -> None:
    old = key_ids(folder)[0]
    new = run_json(folder, "keys", "rotate", "--yes", "--no-backup")["key_id"]
    done = run(folder, "keys", "retire", old, "--yes")
    assert done.returncode == 0
    assert f"dropped the key {old}" in done.stdout
    assert key_ids(folder) == (new,)
    assert run_json(folder, "keys", "verify")["ok"]
    assert len(run_json(folder, "keys", "status")["keys"]) == 1


def test_retire_keeps_a_key_that_a_backup_needs(folder: Path) -> None:
    old = key_ids(folder)[0]
    backup = run_json(folder, "keys", "rotate", "--yes")["backup"]
    done = run(folder, "keys", "retire", old, "--yes")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"latchkey: the key {old} is needed by the backup {backup}",
        "latchkey: the key was not dropped",
        "hint: delete these backups, or wait until newer ones have replaced them: 7 are kept",
        "hint: --force drops the key anyway, and what it has encrypted is lost",
    ]
    assert old in key_ids(folder)
    # When newer backups have taken its place, nothing needs the key.
    assert run(folder, "backup", "--keep", "1").returncode == 0
    assert run(folder, "keys", "retire", old, "--yes").returncode == 0


def test_retire_refuses_the_primary_and_an_unknown_key(folder: Path) -> None:
    run(folder, "keys", "rotate", "--yes")
    before = contents(folder)
    for key_id, said in ((key_ids(folder)[0], "is the primary key"), ("0" * 16, "there is no key")):
        for force in ((), ("--force",)):
            done = run(folder, "keys", "retire", key_id, "--yes", *force)
            assert done.returncode == 1
            assert said in done.stderr
    assert contents(folder) == before


def test_retire_drops_a_needed_key_only_with_force_and_confirmation(folder: Path) -> None:
    old = key_ids(folder)[0]
    run(folder, "keys", "add")
    before = contents(folder)
    done = run(folder, "keys", "retire", old, "--yes")
    assert done.returncode == 1
    assert f"the key {old} is needed by 5 records of bots" in done.stderr
    assert "hint: `latchkey keys rotate` re-encrypts all records under another key" in done.stderr
    assert "backups" not in done.stderr
    for typed in ("y\n", "\n", old[:-1] + "\n"):
        code, shown = on_a_terminal(folder, "keys", "retire", old, "--force", typed=typed)
        assert code == 3, shown
        assert f"Type {old}" in shown
    assert contents(folder) == before
    code, _ = on_a_terminal(folder, "keys", "retire", old, "--force", typed=old + "\n")
    assert code == 0
    assert old not in key_ids(folder)


def test_force_with_yes_drops_a_needed_key(folder: Path) -> None:
    old = key_ids(folder)[0]
    run(folder, "keys", "add")
    assert run(folder, "keys", "retire", old, "--force", "--yes").returncode == 0
    assert old not in key_ids(folder)


def test_retire_names_the_backup_that_needs_the_key(folder: Path) -> None:
    old = key_ids(folder)[0]
    run(folder, "keys", "rotate", "--yes")
    told: list[KeyUsers] = []
    with closing(open_store(*paths(folder))) as store:
        assert not store.keys.needed_by(old, {})
        backups = {"2026-11-24T203100Z": [old], "2026-11-25T203100Z": [key_ids(folder)[0]]}
        store.keys.retire(old, backups, confirm=told.append)
    assert told == [KeyUsers(records={}, backups=("2026-11-24T203100Z",), processes=())]


def test_retire_keeps_a_key_that_a_process_encrypts_with(folder: Path) -> None:
    with with_another_keyring(folder):
        assert run(folder, "keys", "add", program=impatient()).returncode == 1
        old = key_ids(folder)[1]
        before = contents(folder)
        done = run(folder, "keys", "retire", old, "--yes")
        assert done.returncode == 1
        assert f"process {os.getpid()}, which does not encrypt with the primary key" in done.stderr
        assert "hint: restart these processes" in done.stderr
        assert contents(folder) == before
