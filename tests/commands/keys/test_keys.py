"""What all `latchkey keys` commands have in common: confirmation, errors, owners, and no key in the output."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.storage import acting_as_owner_of
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.engine.sqlite.locks import maintenance_lock
from tests.commands.keys.store_files import contents, key_ids, paths
from tests.support.command_line import on_a_terminal, run
from tests.support.stores import FOREIGN, foreign_store, owners, teams

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


def test_interrupt_at_a_question_exits_with_3_and_changes_nothing(folder: Path) -> None:
    run(folder, "keys", "rotate", "--yes")
    before = contents(folder)
    needed_by_the_backup = key_ids(folder)[1]
    for command in (("rotate",), ("retire", needed_by_the_backup, "--force")):
        code, shown = on_a_terminal(folder, "keys", *command, interrupt_at="?")
        assert code == 3, shown
        assert "latchkey: not done" in shown
    assert contents(folder) == before


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
