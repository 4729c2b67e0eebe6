"""Making and pruning backups: a backup is complete or absent, and older ones are deleted only after it."""

import json
import logging
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.errors import KeyringError, StoreRefused, StoreUnavailable
from latchkey.storage import list_backups, make_backup, open_store
from latchkey.storage.backup.create import prune
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.engine.sqlite.processes import exclusive, open_processes
from tests.support.clocks import Clock
from tests.support.stores import (
    FOREIGN,
    ROOT,
    SENTINELS,
    Paths,
    beside,
    files,
    fill,
    fill_and_crash,
    fill_open,
    foreign_store,
    other_process,
    owners,
    teams,
)

MADE = 1_795_000_000.2500004
"""Finer than the resolution of a manifest."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def filled(paths: Paths) -> Paths:
    fill(paths, "T1", "T2")
    return paths


def copy_of(store: Path, paths: Paths, tmp_path: Path) -> Paths:
    """A copy of a backup's store, at the path of an ordinary one."""
    place = tmp_path / "elsewhere" / "store.sqlite"
    place.parent.mkdir()
    place.touch(mode=0o600)
    place.write_bytes(store.read_bytes())
    return place, paths[1]


def test_makes_a_dated_folder_with_the_store_and_its_manifest(filled: Paths, folder: Path, tmp_path: Path) -> None:
    backup = make_backup(*filled, folder, made_by="1.2.3", clock=lambda: MADE)
    assert backup.path == folder / "2026-11-18T110640Z"
    assert (backup.made_at, backup.unreadable) == (1_795_000_000.25, 0)
    assert backup.key_ids == read_keyring(filled[1]).key_ids
    assert {table: count for table, count in backup.records.items() if count} == {
        "meta": 1, "installations": 2, "bots": 2, "workspaces": 2,
    }  # fmt: skip
    assert sorted(path.name for path in backup.path.iterdir()) == ["manifest.json", "store.sqlite"]
    manifest = json.loads((backup.path / "manifest.json").read_text())
    assert manifest["made_at"] == "2026-11-18T11:06:40.250000Z"
    assert manifest["made_by"] == "1.2.3"
    assert list_backups(folder) == [backup]
    assert teams(copy_of(backup.store, filled, tmp_path)) == {"T1", "T2"}


def test_files_are_private_and_contain_no_key_and_no_token(filled: Paths, folder: Path) -> None:
    before = os.umask(0)
    try:
        backup = make_backup(*filled, folder)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in backup.path.iterdir()} == {0o600}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, backup.path)] == [0o700, 0o700]
    content = b"".join(files(folder).values())
    for key in read_keyring(filled[1]).keys:
        assert key.reveal() not in content
    assert not [word for word in SENTINELS if word.encode() in content]


def test_reading_a_backup_creates_no_file_next_to_it(filled: Paths, folder: Path) -> None:
    backup = make_backup(*filled, folder)
    assert backup.store.read_bytes()[18:20] == b"\x01\x01", "a rollback journal, not WAL"
    backup.store.chmod(0o400)
    backup.path.chmod(0o500)
    with closing(sqlite3.connect(f"file:{backup.store}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM bots").fetchone() == (2,)
    assert len(list(backup.path.iterdir())) == 2
    backup.path.chmod(0o700)


def test_contains_what_is_only_in_the_wal(filled: Paths, folder: Path, tmp_path: Path) -> None:
    fill_and_crash(filled, "T3")
    backup = make_backup(*filled, folder)
    assert teams(copy_of(backup.store, filled, tmp_path)) == {"T1", "T2", "T3"}


def test_two_backups_of_one_second_get_different_names(filled: Paths, folder: Path) -> None:
    made = [make_backup(*filled, folder, clock=lambda: MADE).path.name for _ in range(3)]
    assert made == ["2026-11-18T110640Z", "2026-11-18T110640Z-2", "2026-11-18T110640Z-3"]


def test_lists_backups_newest_first_without_other_folders(
    filled: Paths, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    made = []
    for _ in range(3):
        made.append(make_backup(*filled, folder, clock=clock))
        clock.now += 90
    (folder / "notes").mkdir()
    (folder / "2026-11-18T110640Z").mkdir()
    (folder / "2026-11-18T110641Z").write_text("a file")
    (folder / "2026-11-18T110642Z").mkdir()
    (folder / "2026-11-18T110642Z" / "manifest.json").write_text("{}")
    assert list_backups(folder) == made[::-1]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert list_backups(folder / "nowhere") == []


def test_prune_keeps_the_newest_backups_and_all_other_files(
    filled: Paths, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    made = []
    for _ in range(5):
        made.append(make_backup(*filled, folder, clock=clock).path)
        clock.now += 90
    (made[0] / "note.txt").write_text("the one before the upgrade")
    (folder / "2020-01-01T000000Z").mkdir()
    (folder / "other").mkdir()
    assert prune(folder, 2, spare=made[4]) == [made[2], made[1]]
    assert [backup.path for backup in list_backups(folder)] == [made[4], made[3], made[0]]
    assert "note.txt" not in caplog.text
    assert "not Latchkey's" in caplog.text
    assert len(list(folder.iterdir())) == 5


def test_prune_keeps_the_new_backup_after_the_clock_was_set_back(filled: Paths, folder: Path) -> None:
    old = make_backup(*filled, folder, clock=lambda: MADE)
    new = make_backup(*filled, folder, clock=lambda: MADE - 1e6)
    assert prune(folder, 1, spare=new.path) == [old.path]
    assert list_backups(folder) == [new]


def test_deletes_the_leftovers_of_a_killed_run_but_not_of_a_live_one(filled: Paths, folder: Path) -> None:
    folder.mkdir()
    living, dead = (folder / f".2026-11-18T110640Z.{number}" for number in ("00000001", "00000002"))
    for path in (living, dead):
        path.mkdir()
        (path / "store.sqlite").write_bytes(b"half")
    import fcntl

    descriptor = os.open(living, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        make_backup(*filled, folder)
    finally:
        os.close(descriptor)
    assert living.exists()
    assert not dead.exists()


def test_a_backup_does_not_delay_a_rotation_but_prevents_a_restore(filled: Paths, folder: Path) -> None:
    seen = []

    class Looking(Clock):
        def __call__(self) -> float:
            seen.append(open_processes(filled[0]))
            return super().__call__()

    make_backup(*filled, folder, clock=Looking())
    assert seen == [[]]
    with exclusive(filled[0]), pytest.raises(StoreRefused, match="is being restored"):
        make_backup(*filled, folder)
    assert list_backups(folder)[1:] == []


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    before = [files(folder) for folder in folders]
    yield
    assert [files(folder) for folder in folders] == before


def no_backup(paths: Paths, folder: Path, error: type[Exception], said: str) -> None:
    with untouched(paths[0].parent), pytest.raises(error, match=said) as caught:
        make_backup(*paths, folder)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir()), "a half of a backup"


def test_refuses_a_missing_an_empty_and_a_foreign_store(filled: Paths, folder: Path) -> None:
    content = filled[0].read_bytes()
    filled[0].write_bytes(b"")
    no_backup(filled, folder, StoreRefused, "zero bytes")
    filled[0].write_bytes(content.replace(b"LKEY", b"\0\0\0\0", 1))
    no_backup(filled, folder, StoreRefused, "another program")
    filled[0].unlink()
    no_backup(filled, folder, StoreRefused, "there is no store")


def test_makes_no_backup_of_a_damaged_page(filled: Paths, folder: Path) -> None:
    fill(filled, *(f"T{number}" for number in range(100)))
    content = bytearray(filled[0].read_bytes())
    content[4096 * 5 : 4096 * 6] = os.urandom(4096)
    filled[0].write_bytes(content)
    no_backup(filled, folder, StoreUnavailable, "is damaged")


def test_makes_no_backup_with_a_missing_or_wrong_keyring(filled: Paths, folder: Path) -> None:
    key = filled[1].read_bytes()
    filled[1].write_bytes(Fernet.generate_key())
    no_backup(filled, folder, StoreRefused, "no record .* can be decrypted")
    filled[1].unlink()
    no_backup(filled, folder, KeyringError, "No such file")
    filled[1].write_bytes(key)


def test_copies_and_counts_unreadable_records(filled: Paths, folder: Path) -> None:
    with closing(sqlite3.connect(filled[0])) as connection:
        connection.execute("UPDATE bots SET value = substr(CAST(value AS BLOB), 1, 60) WHERE key = '/T1'")
        connection.commit()
    backup = make_backup(*filled, folder)
    assert backup.unreadable == 1
    assert backup.records["bots"] == 2
    assert backup.key_ids == read_keyring(filled[1]).key_ids


def test_names_every_key_that_a_record_needs(filled: Paths, folder: Path) -> None:
    filled[1].write_bytes(Fernet.generate_key() + b"\n" + read_keyring(filled[1]).primary_key.reveal())
    fill(filled, "T3")
    assert make_backup(*filled, folder).key_ids == tuple(sorted(read_keyring(filled[1]).key_ids))


def test_reports_a_full_disk_and_makes_no_backup(filled: Paths, folder: Path) -> None:
    fill(filled, *(f"T{number}" for number in range(200)))
    script = (
        "import resource, signal, sys; from pathlib import Path; from latchkey.storage import make_backup\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
        "make_backup(*map(Path, sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, *map(str, filled), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be copied" in done.stderr
    assert not list(folder.iterdir())


def test_raises_if_another_process_holds_an_exclusive_lock(
    filled: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latchkey.storage.engine.sqlite.database_file.COPY_LOCK_TIMEOUT", 0.2)
    with closing(sqlite3.connect(filled[0], isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="lock"):
            make_backup(*filled, folder)
    assert not list(folder.iterdir())


def test_an_open_store_is_unaffected_by_a_backup(filled: Paths, folder: Path) -> None:
    with closing(open_store(*filled)) as store:
        fill_open(store, "T3")
        make_backup(*filled, folder)
        fill_open(store, "T4")
    with other_process(filled) as process:
        make_backup(*filled, folder)
        assert [opener.pid for opener in open_processes(filled[0])] == [process.pid]
    assert teams(filled) == {"T1", "T2", "T3", "T4"}
    assert not beside(filled[0], "-wal").exists()


@pytest.mark.root
def test_a_backup_made_by_root_belongs_to_the_stores_owner(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    for _ in range(2):
        make_backup(*paths, public_folder / "new" / "backups")
    assert owners(public_folder / "new") == owners(paths[0].parent) == {FOREIGN}


@pytest.mark.root
def test_root_can_make_a_backup_in_a_folder_of_its_own(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    folder = public_folder / "private"
    folder.mkdir(mode=0o700)
    backup = make_backup(*paths, folder)
    assert owners(folder) == {(0, 0)}
    assert owners(paths[0].parent) == {FOREIGN}
    assert list_backups(folder) == [backup]
    assert prune(folder, 1, spare=make_backup(*paths, folder).path) == [backup.path]
