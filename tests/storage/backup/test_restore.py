"""Restoring: everything is checked first, then the files are swapped and the old store is kept."""

import errno
import os
import resource
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from latchkey.errors import StoreError, StoreInUse, StoreRefused, UnreadableRecord
from latchkey.storage import (
    Backup,
    EventStatus,
    Outcome,
    StoredEvent,
    acting_as_owner_of,
    list_backups,
    make_backup,
    open_store,
)
from latchkey.storage.backup import swap
from latchkey.storage.backup.restore import RESTORED, check_backup, restore, restoring
from latchkey.storage.backup.swap import copy_path
from latchkey.storage.crypto import read_keyring
from latchkey.storage.engine import maintenance_lock
from tests.storage.backup.restoring import NOW, change_manifest, event, put_back, refused
from tests.support.stores import (
    FOREIGN,
    Paths,
    beside,
    damage,
    failed,
    files,
    fill,
    fill_and_crash,
    foreign_store,
    other_process,
    owners,
    replaced,
    rows,
    teams,
    unfinished,
)


def test_restores_the_backup_and_keeps_the_previous_store(paths: Paths, backup: Backup) -> None:
    before = files(backup.path)
    kept = put_back(paths, backup)
    assert kept == beside(paths[0], ".replaced-2026-11-18T110640Z")
    assert teams(paths) == {"T1", "T2"}
    assert teams((kept, paths[1])) == {"T1", "T2", "T3"}
    assert files(backup.path) == before
    assert not copy_path(paths[0]).exists()


def test_keeps_both_stores_of_two_restores_in_one_second(paths: Paths, backup: Backup) -> None:
    first, second = put_back(paths, backup), put_back(paths, backup)
    assert first is not None
    assert second == first.with_name(first.name + "-2")
    assert teams((first, paths[1])) == {"T1", "T2", "T3"}


def test_keeps_the_old_wal_with_the_old_store_only(paths: Paths, backup: Backup) -> None:
    fill_and_crash(paths, "T4")
    kept = put_back(paths, backup)
    assert kept is not None
    assert teams(paths) == {"T1", "T2"}
    assert teams((kept, paths[1])) == {"T1", "T2", "T3", "T4"}


def test_keeps_a_damaged_store_unchanged_with_its_wal(paths: Paths, backup: Backup) -> None:
    fill_and_crash(paths, "T4")
    content, wal = damage(paths[0])
    kept = put_back(paths, backup)
    assert kept is not None
    assert teams(paths) == {"T1", "T2"}
    assert kept.read_bytes() == content
    assert beside(kept, "-wal").read_bytes() == wal
    assert not beside(paths[0], "-wal").exists()


def test_restores_without_a_current_store(paths: Paths, backup: Backup) -> None:
    paths[0].unlink()
    assert put_back(paths, backup) is None
    assert teams(paths) == {"T1", "T2"}


def test_ignores_a_wal_without_its_store(paths: Paths, backup: Backup) -> None:
    fill_and_crash(paths, "T4")
    wal = beside(paths[0], "-wal").read_bytes()
    paths[0].unlink()
    assert put_back(paths, backup) is None
    assert teams(paths) == {"T1", "T2"}
    [left] = paths[0].parent.glob("*.replaced-*-wal")
    assert left.read_bytes() == wal


def test_a_new_machine_needs_only_the_backup_and_the_keyring(paths: Paths, backup: Backup, tmp_path: Path) -> None:
    new = tmp_path / "new" / "data" / "store.sqlite", paths[1]
    put_back(new, backup)
    assert teams(new) == {"T1", "T2"}
    assert stat.S_IMODE(new[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(new[0].parent.stat().st_mode) == 0o700


def test_the_restored_store_can_be_written_and_reopened(paths: Paths, backup: Backup) -> None:
    put_back(paths, backup)
    fill(paths, "T9")
    assert teams(paths) == {"T1", "T2", "T9"}
    assert teams((Path(str(replaced(paths[0])[0])), paths[1])) == {"T1", "T2", "T3"}


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_keeps_the_mode(paths: Paths, backup: Backup, mode: int) -> None:
    paths[0].chmod(mode)
    put_back(paths, backup)
    assert stat.S_IMODE(paths[0].stat().st_mode) == mode


@pytest.mark.root
@pytest.mark.parametrize("folder", ["backups", "private"])
def test_keeps_the_owner_if_root_restores(public_folder: Path, folder: str) -> None:
    paths = foreign_store(public_folder, "T1", "T2")
    (public_folder / "private").mkdir(mode=0o700)
    backup = make_backup(*paths, public_folder / folder)
    with acting_as_owner_of(paths[0]):
        fill(paths, "T3")
        put_back(paths, backup)
        assert teams(paths) == {"T1", "T2"}
    assert owners(paths[0].parent) == {FOREIGN}


@pytest.mark.root
def test_refuses_a_store_whose_folder_belongs_to_another_user(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    backup = make_backup(*paths, public_folder / "backups")
    os.chown(paths[0], 54321, 54322)
    paths[0].chmod(0o644)
    with acting_as_owner_of(paths[0]), pytest.raises(StoreRefused, match="cannot be given to the owner") as caught:
        put_back(paths, backup)
    assert "must belong to one user" in caught.value.hint
    paths[0].chmod(0o600)
    with acting_as_owner_of(paths[0]), pytest.raises(PermissionError):
        put_back(paths, backup)
    os.chown(paths[0], *FOREIGN)
    with acting_as_owner_of(paths[0]):
        assert teams(paths) == {"T1"}


def test_restores_records_unchanged_that_were_unreadable_in_the_backup(paths: Paths, tmp_path: Path) -> None:
    fill(paths, "T1", "T2")
    with closing(sqlite3.connect(paths[0])) as connection:
        connection.execute("UPDATE bots SET value = substr(CAST(value AS BLOB), 1, 60) WHERE key = '/T1'")
        connection.commit()
    put_back(paths, make_backup(*paths, tmp_path / "backups"))
    with closing(open_store(*paths)) as store:
        assert store.installations.find_bot(enterprise_id=None, team_id="T2") is not None
        with pytest.raises(UnreadableRecord):
            store.installations.find_bot(enterprise_id=None, team_id="T1")


def test_refuses_to_replace_an_open_store(paths: Paths, backup: Backup) -> None:
    with other_process(paths) as process:
        refused(paths, backup, f"open in another process .pid {process.pid}")
    put_back(paths, backup)


def test_refuses_to_replace_a_store_that_another_program_reads(paths: Paths, backup: Backup) -> None:
    with closing(sqlite3.connect(paths[0])) as other:
        other.execute("SELECT * FROM bots").fetchone()
        before = teams(paths)
        with pytest.raises(StoreRefused, match="open in another process"):
            put_back(paths, backup)
    assert teams(paths) == before
    assert not replaced(paths[0])
    assert not copy_path(paths[0]).exists()


def test_refuses_to_run_during_another_command(paths: Paths, backup: Backup) -> None:
    with maintenance_lock(paths[0]):
        refused(paths, backup, "another command", StoreInUse)


def test_no_process_can_open_the_store_during_a_restore(paths: Paths, backup: Backup) -> None:
    with restoring(paths[0]), pytest.raises(StoreRefused, match="is being restored"):
        open_store(*paths)


def test_refuses_to_replace_another_database_or_a_folder(paths: Paths, backup: Backup) -> None:
    paths[0].unlink()
    with closing(sqlite3.connect(paths[0])) as other:
        other.execute("CREATE TABLE theirs (a)")
    refused(paths, backup, "another program; it is not replaced")
    paths[0].unlink()
    paths[0].mkdir()
    refused(paths, backup, "not a regular file")


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Let writes beyond this size fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("writable", [0.5, 1.0], ids=["while it is copied", "while it is changed"])
def test_a_restore_that_cannot_write_its_copy_removes_it(paths: Paths, tmp_path: Path, writable: float) -> None:
    with closing(open_store(*paths)) as store:
        body = os.urandom(30_000).hex().encode()
        store.inbox.commit([event(f"Ev{number}")._replace(body=body) for number in range(20)])
    backup = make_backup(*paths, tmp_path / "backups")
    before = files(paths[0].parent)
    with file_size_limit(int(backup.size * writable)), pytest.raises(StoreError):
        put_back(paths, backup)
    assert files(paths[0].parent) == before
    put_back(paths, backup)


@pytest.mark.parametrize("step", ["leave_wal_mode", "_link_to", "_rename"])
def test_a_restore_that_cannot_swap_the_files_removes_its_copy(
    paths: Paths, backup: Backup, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    before = set(files(paths[0].parent))
    with monkeypatch.context() as context:
        context.setattr(swap, step, full)
        with pytest.raises(StoreRefused, match="No space left"):
            put_back(paths, backup)
    assert set(files(paths[0].parent)) == before
    assert teams(paths) == {"T1", "T2", "T3"}
    put_back(paths, backup)


def test_refuses_a_backup_that_was_changed_after_the_check(paths: Paths, backup: Backup) -> None:
    before = files(paths[0].parent)
    keys = read_keyring(paths[1])
    check_backup(backup, keys, paths[1])
    backup.store.write_bytes(backup.store.read_bytes()[:-1] + b"x")
    with restoring(paths[0]), pytest.raises(StoreRefused, match="changed while it was read"):
        restore(paths[0], backup, keys, now=NOW)
    assert files(paths[0].parent) == before


@pytest.fixture
def with_events(paths: Paths, tmp_path: Path) -> Backup:
    """Ev1 has failed, Ev2 is retried, Ev3 is to be replayed, Ev4 waits, Ev5 of the same batch is done; and a state."""
    events = [event(f"Ev{number}") for number in range(1, 6)]
    with closing(open_store(*paths, clock=lambda: NOW)) as store:
        store.inbox.commit(events[:3])
        one, two, three = (item._replace(listeners=["app.one"], error="ValueError") for item in events[:3])
        outcomes = [
            Outcome.failed(one, attempts=2, now=NOW + 60),
            Outcome.retry(two, attempts=2, due_at=NOW + 60),
            Outcome.failed(three, attempts=2, now=NOW + 60),
        ]
        store.inbox.commit(outcomes=outcomes)
        store.event_admin.replay("Ev3")
        store.inbox.commit(events[3:])
        store.inbox.commit(outcomes=[Outcome.done(events[4])])
        store.states.issue()
    return make_backup(*paths, tmp_path / "backups")


def test_unfinished_events_are_marked_as_failed_once_and_states_are_dropped(paths: Paths, with_events: Backup) -> None:
    put_back(paths, with_events)
    with closing(open_store(*paths, clock=lambda: NOW)) as store:
        assert not unfinished(store)
        found = {item.event_id: item for item in failed(store) if isinstance(item, StoredEvent)}
        assert set(found) == {"Ev1", "Ev2", "Ev3", "Ev4"}
        assert found["Ev1"].error == "ValueError"
        assert {found[name].error for name in ("Ev2", "Ev3", "Ev4")} == {RESTORED}
        assert (found["Ev2"].attempts, found["Ev2"].listeners) == (2, ["app.one"])
        assert store.inbox.recover() == []
        # Slack sends it again: it is known, and does not run.
        assert store.inbox.commit([event("Ev4")]) == {"Ev4"}
        assert rows(paths[0], "states") == 0
        assert store.event_admin.replay("Ev4")


def test_keep_events_leaves_them_for_the_next_start(paths: Paths, with_events: Backup) -> None:
    put_back(paths, with_events, keep_events=True)
    with closing(open_store(*paths, clock=lambda: NOW)) as store:
        assert {item.event_id for item in store.inbox.recover()} == {"Ev2", "Ev4"}
        [replayed] = store.event_admin.all([EventStatus.REPLAYING])
        assert replayed.event_id == "Ev3"
        assert rows(paths[0], "states") == 0


def test_leaves_an_unreadable_event_record_unchanged(paths: Paths, with_events: Backup) -> None:
    with closing(sqlite3.connect(paths[0])) as connection:
        connection.execute("UPDATE retries SET value = substr(CAST(value AS BLOB), 1, 60)")
        connection.commit()
    put_back(paths, make_backup(*paths, with_events.path.parent))
    with closing(open_store(*paths)) as store:
        [left] = store.event_admin.all([EventStatus.RETRYING])
        assert isinstance(left, UnreadableRecord)


def test_backups_made_before_a_table_existed_can_be_restored(paths: Paths, backup: Backup) -> None:
    from latchkey.storage.engine.sqlite.database_file import sha256_of

    with closing(sqlite3.connect(backup.store)) as connection:
        connection.execute("DROP TABLE replays")
    records = {table: count for table, count in backup.records.items() if table != "replays"}
    change_manifest(backup, records=records, sha256=sha256_of(backup.store), bytes=backup.store.stat().st_size)
    [older] = list_backups(backup.path.parent)
    put_back(paths, older)
    assert teams(paths) == {"T1", "T2"}
