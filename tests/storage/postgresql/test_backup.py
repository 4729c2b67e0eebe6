"""Backups of a store in a database have the format of all backups, and can be restored into it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused, StoreUnavailable
from latchkey.storage import Backup, Store, StoredEvent, back_up, check_backup, open_store, read_keyring
from latchkey.storage.copying.store_copy import COPIED
from latchkey.storage.engine import Change
from tests.storage.conformance.installations.models import find_bot, installation
from tests.support.database.postgresql import DatabaseLocation


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring"


@pytest.fixture
def store(location: DatabaseLocation, keyring: Path) -> Iterator[Store]:
    with closing(open_store(location, keyring)) as opened:
        for number in range(20):
            opened.installations.save(installation(team_id=f"T{number}"))
        opened.inbox.commit([StoredEvent("Ev1", 1e9, "r", None, b"{}", 1e9)])
        yield opened


@pytest.fixture
def backup(location: DatabaseLocation, keyring: Path, store: Store, tmp_path: Path) -> Backup:
    return back_up(location, keyring, tmp_path / "backups", made_by="0", progress=lambda *_: None)


def restore(store: Store, backup: Backup, keyring: Path) -> None:
    store.restore(backup, read_keyring(keyring), keep_events=False, progress=lambda *_: None)


def test_a_backup_has_every_record_and_passes_the_check(store: Store, backup: Backup, keyring: Path) -> None:
    assert {table: count for table, count in backup.records.items() if table in COPIED and count} == {
        table: count for table in COPIED if (count := store._engine.count(table))
    }
    assert not backup.unreadable
    check_backup(backup, read_keyring(keyring), keyring)
    assert [path.name for path in backup.path.iterdir() if path.name not in ("store.sqlite", "manifest.json")] == []


def test_a_restore_brings_back_what_was_there(store: Store, backup: Backup, keyring: Path) -> None:
    store.installations.delete_all(enterprise_id=None, team_id="T3")
    store.installations.save(installation(team_id="T-new"))
    preview = store.preview_restore(backup.store, read_keyring(keyring))
    assert {kind.value: count for kind, count in preview.counts.items() if count} == {"lost": 2, "restored": 2}
    restore(store, backup, keyring)
    assert find_bot(store, team_id="T3") is not None
    assert find_bot(store, team_id="T-new") is None
    [failed] = store.event_admin.all()
    assert isinstance(failed, StoredEvent)
    assert failed.error == "restored from a backup", "no listener runs weeks late"


def test_a_lost_database_is_restored(location: DatabaseLocation, store: Store, backup: Backup, keyring: Path) -> None:
    store._engine.commit([Change(table, row.record_id, None) for table in COPIED for row in store._engine.scan(table)])
    restore(store, backup, keyring)
    assert find_bot(store, team_id="T7") is not None
    assert not store.keys.verify().unreadable


def test_a_restore_is_refused_while_a_server_runs(
    location: DatabaseLocation, store: Store, backup: Backup, keyring: Path
) -> None:
    with (
        closing(open_store(location, keyring, server_address="x:1")),
        pytest.raises(StoreRefused, match="open in another process"),
    ):
        restore(store, backup, keyring)


def test_no_server_runs_on_a_restore_that_was_interrupted(
    location: DatabaseLocation, store: Store, backup: Backup, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise StoreUnavailable("unreachable", "the plug was pulled")

    with pytest.raises(StoreUnavailable):
        store.restore(backup, read_keyring(keyring), keep_events=False, progress=interrupt)
    with pytest.raises(StoreRefused, match="is not finished"):
        open_store(location, keyring, server_address="x:1")
    restore(store, backup, keyring)
    open_store(location, keyring, server_address="x:1").close()
