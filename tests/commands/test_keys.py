"""`latchkey keys`: told to people and to scripts, and nothing changed without a yes."""

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import KeyUsers, Store, acting_as_owner_of, open_store
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.engine.locks import maintenance_lock
from tests.support.command_line import impatient, on_a_terminal, run, run_json
from tests.support.stores import FOREIGN, foreign_store, owners, teams

RECORDS = 3 * 5 + 1


def paths(folder: Path) -> tuple[Path, Path]:
    return folder / "data" / "store.sqlite", folder / "keys" / "keyring"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with five installations that nobody has open."""
    with closing(open_store(*paths(tmp_path))) as store:
        for number in range(5):
            save(store, f"T{number}")
    return tmp_path


def save(store: Store, team_id: str) -> None:
    store.installations.save(
        Installation(team_id=team_id, user_id="U1", bot_token=f"xoxb-sentinel-{team_id}", bot_id="B", bot_user_id="U")
    )


def key_ids(folder: Path) -> tuple[str, ...]:
    return read_keyring(paths(folder)[1]).key_ids


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of the keyring and of every table."""
    store, keyring = paths(folder)
    with closing(sqlite3.connect(store)) as connection:
        rows = "\n".join(connection.iterdump()).encode()
    return {"keyring": keyring.read_bytes(), "store": rows}


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(paths(folder)[0])) as other, other:
        other.execute(sql)


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


def test_rotate_prints_a_summary(folder: Path) -> None:
    old = key_ids(folder)[0]
    rotated = run_json(folder, "keys", "rotate", "--yes")
    assert rotated.pop("seconds") > rotated.pop("reencryption_seconds") > 0
    [backup] = (folder / "backups").iterdir()
    assert rotated.pop("backup") == str(backup)
    assert rotated == {
        "ok": True,
        "key_id": key_ids(folder)[0],
        "new_key": True,
        "reencrypted": RECORDS,
        "conflicts": 0,
        "retired": [old],
        "checked": RECORDS,
        "unreadable_count": 0,
        "unreadable": [],
    }
    done = run(folder, "keys", "rotate", "--yes")
    assert done.returncode == 0
    assert "\nbackup\t" in f"\n{done.stdout}"
    assert f"records re-encrypted\t{RECORDS}\n" in done.stdout
    assert f"keys retired\t{rotated['key_id']}\n" in done.stdout
    assert f"`latchkey keys retire {rotated['key_id']}`" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


AUDITED = """
import os, sys, threading

keyring, counted = os.path.realpath(sys.argv.pop()), {"reads": 0, "threads": 0}


def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)) and not arguments[2] & os.O_CREAT:
        counted["reads"] += os.path.realpath(arguments[0]) == keyring


def start(thread):
    counted["threads"] += 1
    started(thread)


started, threading.Thread.start = threading.Thread.start, start
sys.addaudithook(audit)
from latchkey.cli import main

try:
    sys.exit(main())
finally:
    print(counted["reads"], counted["threads"], file=sys.stderr)
"""


@pytest.mark.parametrize(("arguments", "most_reads"), [(("rotate", "--yes"), 2), (("status",), 1), (("verify",), 1)])
def test_reads_the_keyring_at_most_twice_and_starts_no_thread(
    folder: Path, arguments: tuple[str, ...], most_reads: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, "keys", *arguments, "--json", str(paths(folder)[1])],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reads, threads = map(int, done.stderr.split()[-2:])
    assert 1 <= reads <= most_reads
    assert threads == 0


def test_rotate_makes_no_backup_with_no_backup(folder: Path) -> None:
    assert run_json(folder, "keys", "rotate", "--yes", "--no-backup")["backup"] is None
    assert not (folder / "backups").exists()


def test_failed_backup_stops_the_rotation_before_any_change(folder: Path) -> None:
    (folder / "backups").write_text("a file stands where the folder should be")
    before = contents(folder)
    done = run(folder, "keys", "rotate", "--yes")
    assert done.returncode == 1
    assert "no backup was made" in done.stderr
    assert contents(folder) == before


def test_dry_run_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    assert run_json(folder, "keys", "rotate", "--dry-run") == {
        "new_key": True,
        "key_id": None,
        "records": RECORDS,
        "already_under_it": 0,
        "processes": 0,
    }
    done = run(folder, "keys", "rotate", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "nothing was changed\n")
    assert contents(folder) == before
    run(folder, "keys", "add")
    assert run_json(folder, "keys", "rotate", "--dry-run")["key_id"] == key_ids(folder)[0]


@pytest.mark.parametrize("typed", ["", "y\n"])
def test_exits_3_without_a_terminal_to_confirm_on(folder: Path, typed: str) -> None:
    run(folder, "keys", "rotate", "--yes", "--no-backup")
    before = contents(folder)
    old = key_ids(folder)[1]
    for command in (("rotate",), ("retire", old), ("retire", old, "--force")):
        done = run(folder, "keys", *command, typed=typed)
        assert done.returncode == 3
        assert "--yes" in done.stderr
        assert done.stdout == ""
    assert contents(folder) == before


def test_asks_for_confirmation_on_a_terminal(folder: Path) -> None:
    before = contents(folder)
    code, shown = on_a_terminal(folder, "keys", "rotate", typed="n\n")
    assert code == 3
    assert "Re-encrypt 16 records under a new key?" in shown
    assert contents(folder) == before
    code, shown = on_a_terminal(folder, "keys", "rotate", typed="y\n")
    assert code == 0
    assert len(key_ids(folder)) == 2


def test_interrupt_at_a_question_exits_with_3_and_changes_nothing(folder: Path) -> None:
    run(folder, "keys", "rotate", "--yes")
    before = contents(folder)
    needed_by_the_backup = key_ids(folder)[1]
    for command in (("rotate",), ("retire", needed_by_the_backup, "--force")):
        code, shown = on_a_terminal(folder, "keys", *command, interrupt_at="?")
        assert code == 3, shown
        assert "latchkey: not done" in shown
    assert contents(folder) == before


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


@contextmanager
def with_another_keyring(folder: Path) -> Iterator[None]:
    """A process has the store open with a copy of the keyring."""
    copy = folder / "copy"
    copy.write_bytes(paths(folder)[1].read_bytes())
    copy.chmod(0o600)
    with closing(open_store(paths(folder)[0], copy)):
        yield


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


def test_rotate_exits_1_and_names_a_process_that_does_not_use_the_new_key(folder: Path) -> None:
    with with_another_keyring(folder):
        before = contents(folder)["store"]
        for count in (2, 2):
            done = run(folder, "keys", "rotate", "--yes", program=impatient())
            assert done.returncode == 1
            assert f"pid {os.getpid()}" in done.stderr
            assert "restart them" in done.stderr
            assert len(key_ids(folder)) == count
        assert contents(folder)["store"] == before
    assert run_json(folder, "keys", "rotate", "--yes")["new_key"] is False


def test_concurrent_command_exits_4(folder: Path) -> None:
    before = contents(folder)
    with maintenance_lock(paths(folder)[0]):
        for command in (("rotate", "--yes"), ("add",), ("retire", key_ids(folder)[0], "--yes")):
            done = run(folder, "keys", *command)
            assert done.returncode == 4
            assert "another command is using the store" in done.stderr
            assert "hint: wait" in done.stderr
        assert run(folder, "keys", "status").returncode == 0
    assert contents(folder) == before


def truncated(folder: Path) -> None:
    store = paths(folder)[0]
    store.write_bytes(store.read_bytes()[:5000])


def emptied(folder: Path) -> None:
    paths(folder)[1].write_bytes(b"")


def world_readable(folder: Path) -> None:
    paths(folder)[1].chmod(0o644)


def other_key(folder: Path) -> None:
    paths(folder)[1].write_bytes(Fernet.generate_key())


def store_for_others(folder: Path) -> None:
    paths(folder)[0].chmod(0o604)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (truncated, "damaged"),
        (emptied, "contains no key"),
        (world_readable, "mode 0644 lets others read or change it"),
        (other_key, "needs the key ids"),
        (store_for_others, "mode 0604 lets others read or change it"),
    ],
)
def test_error_is_one_line_and_changes_nothing(folder: Path, act: object, said: str) -> None:
    act(folder)  # type: ignore[operator]
    before = [path.read_bytes() for path in paths(folder)]
    for command in (("status",), ("add",), ("verify",), ("rotate", "--yes"), ("retire", "0" * 16, "--yes")):
        done = run(folder, "keys", *command)
        assert done.returncode == 1, command
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert "hint: " in done.stderr
        assert done.stdout == ""
        assert [path.read_bytes() for path in paths(folder)] == before


@pytest.mark.root
def test_files_created_by_root_belong_to_the_servers_user(public_folder: Path) -> None:
    foreign_store(public_folder, "T1")
    old = key_ids(public_folder)[0]
    for command in (("rotate", "--yes"), ("retire", old, "--yes", "--force"), ("add",), ("verify",), ("status",)):
        assert run(public_folder, "keys", *command).returncode == 0
        for folder in ("data", "keys", "backups"):
            assert owners(public_folder / folder) == {FOREIGN}


@pytest.mark.root
def test_says_that_another_user_may_not_use_the_store(public_folder: Path) -> None:
    foreign_store(public_folder, "T1")
    # Started as root, because other users may be unable to read this Python.
    code = (
        "import os, sys; from latchkey import cli; from latchkey.commands.keys import keys;"
        "os.setgroups([]); os.setresgid(54321, 54321, 54321); os.setresuid(54321, 54321, 54321);"
        "sys.exit(cli.main(['keys', 'status']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=public_folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error.endswith("data/store.sqlite: Permission denied")
    assert hint == "hint: run the command as root, or as the server's user"


@pytest.mark.root
def test_root_can_rotate_a_keyring_of_its_own_that_the_servers_group_reads(public_folder: Path) -> None:
    store, keyring = foreign_store(public_folder, "T1")
    for path, mode in ((keyring.parent, 0o750), (keyring, 0o640)):
        os.chown(path, 0, FOREIGN[1])
        path.chmod(mode)
    old = key_ids(public_folder)[0]
    for command in (("rotate", "--yes"), ("add",), ("retire", old, "--yes", "--force")):
        assert run(public_folder, "keys", *command).returncode == 0
        assert owners(store.parent) == {FOREIGN}
        assert owners(keyring.parent) == {(0, FOREIGN[1])}
        assert stat.S_IMODE(keyring.stat().st_mode) == 0o640
    with acting_as_owner_of(store):
        assert teams((store, keyring)) == {"T1"}


def test_no_command_shows_a_key(folder: Path) -> None:
    shown = ""
    for command in (("status",), ("add",), ("rotate", "--yes"), ("verify",), ("rotate", "--dry-run")):
        for flags in ((), ("--json",)):
            done = run(folder, "keys", *command, *flags)
            shown += done.stdout + done.stderr
    for key in read_keyring(paths(folder)[1]).keys:
        assert key.reveal().decode().rstrip("=") not in shown
    assert not re.search(r"[\w-]{43}=", shown)
