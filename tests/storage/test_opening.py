"""Opening a store: both files are made together, and anything odd is refused with nothing changed."""

import logging
import os
import pickle
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import KeyringError, KeysMissing, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage import open_for_command, open_store
from latchkey.storage.crypto.keyring import read_keyring

Paths = tuple[Path, Path]


@pytest.fixture
def filled(paths: Paths) -> Paths:
    """A store with one installation, closed."""
    store = open_store(*paths)
    store.installations.save(
        Installation(team_id="T1", user_id="U1", bot_token="xoxb-sentinel", bot_id="B", bot_user_id="U")
    )
    store.close()
    return paths


def test_creates_both_files_privately_and_asks_for_a_backup_of_the_key(
    paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    before = os.umask(0)
    try:
        store = open_store(*paths)
        store.installations.save(Installation(team_id="T1", user_id="U1", bot_token="x"))
    finally:
        os.umask(before)
    for path in (paths[0], *(paths[0].with_name(paths[0].name + end) for end in ("-wal", "-shm")), paths[1]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in (paths[0].parent, paths[1].parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [record.levelno for record in caplog.records if "back it up" in record.message] == [logging.WARNING]
    store.close()
    assert [path for path in paths[0].parent.rglob("*") if path.is_file()] == [paths[0]]


def test_second_start_creates_nothing_and_logs_no_warning(filled: Paths, caplog: pytest.LogCaptureFixture) -> None:
    before = filled[1].read_bytes()
    open_store(*filled).close()
    assert filled[1].read_bytes() == before
    assert not caplog.records


def refused(paths: Paths, said: str, error: type[Exception] = StoreRefused) -> None:
    """The store is refused with these words, and neither file is changed."""
    before = {
        path: path.read_bytes() for folder in {p.parent for p in paths} for path in folder.glob("*") if path.is_file()
    }
    with pytest.raises(error, match=said) as caught:
        open_store(*paths)
    assert "\n" not in str(caught.value)
    after = {
        path: path.read_bytes() for folder in {p.parent for p in paths} for path in folder.glob("*") if path.is_file()
    }
    assert after == before


def test_refuses_a_missing_store_beside_its_keyring(filled: Paths) -> None:
    filled[0].unlink()
    refused(filled, "is missing")


def test_creates_a_new_store_beside_a_keyring_on_request(filled: Paths) -> None:
    filled[0].unlink()
    store = open_store(*filled, new_store=True)
    assert store.installations.page().installations == []
    store.close()


def test_refuses_a_missing_keyring_beside_records_and_creates_none(filled: Paths) -> None:
    filled[1].unlink()
    refused(filled, "No such file", KeyringError)
    assert not filled[1].exists()


def test_refuses_a_keyring_that_decrypts_nothing_and_names_the_missing_keys(filled: Paths) -> None:
    needed = read_keyring(filled[1]).primary_key.key_id
    filled[1].write_bytes(Fernet.generate_key())
    refused(filled, needed)


def test_keyring_in_another_order_decrypts_everything(filled: Paths) -> None:
    filled[1].write_bytes(Fernet.generate_key() + b"\n" + read_keyring(filled[1]).primary_key.reveal())
    store = open_store(*filled)
    assert store.installations.find_bot(enterprise_id=None, team_id="T1") is not None
    store.close()


def test_serves_records_under_the_other_keys_if_one_is_lost(filled: Paths, caplog: pytest.LogCaptureFixture) -> None:
    lost, kept = read_keyring(filled[1]).primary_key, Fernet.generate_key()
    filled[1].write_bytes(kept + b"\n" + lost.reveal())
    store = open_store(*filled)
    store.installations.save(Installation(team_id="T2", user_id="U2", bot_token="xoxb-2", bot_id="B", bot_user_id="U"))
    store.close()
    filled[1].write_bytes(kept)
    caplog.clear()
    store = open_store(*filled)
    assert lost.key_id in caplog.text
    assert store.installations.find_bot(enterprise_id=None, team_id="T2") is not None
    with pytest.raises(UnreadableRecord, match=lost.key_id):
        store.installations.find_bot(enterprise_id=None, team_id="T1")
    page = store.installations.page()
    assert [installation.team_id for installation in page.installations] == ["T2"]
    assert [error.key_id for error in page.unreadable] == [lost.key_id]
    store.close()


ANOTHER_KEYS = b"v1:%s:" + Fernet(Fernet.generate_key()).encrypt(b'["meta","format",{"version":1}]')


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE meta SET value = x'00' WHERE key = 'format'",
        "UPDATE meta SET value = x'' WHERE key = 'format'",
        "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), 'gAAAAA', 'gAAAAB') AS BLOB) WHERE key = 'format'",
        "UPDATE meta SET value = (SELECT value FROM bots) WHERE key = 'format'",
        "another key's ciphertext",
    ],
)
@pytest.mark.parametrize("only_record", [True, False])
def test_reports_a_damaged_format_record_as_damage(filled: Paths, sql: str, only_record: bool) -> None:
    key_id = read_keyring(filled[1]).primary_key.key_id.encode()
    with closing(sqlite3.connect(filled[0])) as connection, connection:
        if sql.startswith("UPDATE"):
            connection.execute(sql)
        else:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (ANOTHER_KEYS % key_id,))
        if only_record:
            for table in ("bots", "installations", "workspaces"):
                connection.execute(f"DELETE FROM {table}")
    for open_it in (open_store, open_for_command):
        with pytest.raises(StoreUnavailable, match="is damaged: its format record") as caught:
            open_it(*filled)
        assert (caught.value.reason, caught.value.hint) == ("damaged", "restore a backup")


def test_error_for_missing_keys_carries_their_ids(filled: Paths) -> None:
    needed, present = read_keyring(filled[1]).primary_key.key_id, Fernet.generate_key()
    filled[1].write_bytes(present)
    with pytest.raises(KeysMissing) as caught:
        open_for_command(*filled)
    assert caught.value.missing == (needed,)
    assert caught.value.present == read_keyring(filled[1]).key_ids


def test_command_never_creates_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="there is no store"):
        open_for_command(tmp_path / "data" / "store.sqlite", tmp_path / "keyring")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["no store", "bad keyring", "open keyring", "foreign store"])
def test_a_refused_start_creates_nothing(tmp_path: Path, fault: str) -> None:
    store, keyring = tmp_path / "data" / "store.sqlite", tmp_path / "keyring"
    keyring.touch(0o600)
    keyring.write_bytes(b"nonsense" if fault == "bad keyring" else Fernet.generate_key())
    if fault == "open keyring":
        keyring.chmod(0o644)
    if fault == "foreign store":
        store.parent.mkdir()
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("CREATE TABLE unnamed (key TEXT PRIMARY KEY, value BLOB)")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((StoreRefused, KeyringError)):
        open_store(store, keyring, new_store=fault != "no store")
    assert sorted(tmp_path.rglob("*")) == before


def test_refuses_an_empty_file(filled: Paths) -> None:
    filled[0].write_bytes(b"")
    refused(filled, "zero bytes")


def test_refuses_a_file_that_is_not_a_database(filled: Paths) -> None:
    filled[0].write_bytes(b"hello" * 100)
    refused(filled, "not an SQLite database")


def test_refuses_another_programs_database(filled: Paths) -> None:
    filled[0].unlink()
    with sqlite3.connect(filled[0]) as connection:
        connection.execute("CREATE TABLE unnamed (key TEXT PRIMARY KEY, value BLOB)")
    connection.close()
    refused(filled, "another program")


def test_refuses_a_truncated_store(filled: Paths) -> None:
    content = filled[0].read_bytes()
    filled[0].write_bytes(content[:5000])
    with pytest.raises((StoreUnavailable, StoreRefused)):
        open_store(*filled)


def test_refuses_a_folder_at_the_stores_path(filled: Paths) -> None:
    filled[0].unlink()
    filled[0].mkdir()
    with pytest.raises(StoreRefused, match="not a regular file"):
        open_store(*filled)


def test_refuses_a_read_only_store(filled: Paths) -> None:
    filled[0].chmod(0o400)
    refused(filled, "read-only")


def test_refuses_a_folder_that_cannot_be_created_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreRefused, match="cannot be created, because .* is a file"):
        open_store(tmp_path / "file" / "store.sqlite", tmp_path / "keyring")


def test_refuses_a_store_of_a_later_version(filled: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latchkey.storage.opening.format_record.FORMAT_VERSION", 2)
    with pytest.raises(StoreRefused, match="another version"):
        open_store(*filled)


def test_never_runs_a_pickle_in_the_file(filled: Paths, tmp_path: Path) -> None:
    """sqlitedict's own encoding is pickle, so a row of one is what a tamperer would try."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/ran",)

    with sqlite3.connect(filled[0]) as connection:
        connection.execute("UPDATE bots SET value = ?", (pickle.dumps(Bomb()),))
    connection.close()
    store = open_store(*filled)
    with pytest.raises(UnreadableRecord, match="not an encrypted record"):
        store.installations.find_bot(enterprise_id=None, team_id="T1")
    store.close()
    assert not (tmp_path / "ran").exists()


def test_refuses_a_row_copied_to_another_workspace(filled: Paths) -> None:
    with sqlite3.connect(filled[0]) as connection:
        connection.execute("INSERT INTO bots SELECT '/T2', value FROM bots WHERE key = '/T1'")
    connection.close()
    store = open_store(*filled)
    with pytest.raises(UnreadableRecord, match="another table or id"):
        store.installations.find_bot(enterprise_id=None, team_id="T2")
    store.close()


def test_no_file_contains_a_token(filled: Paths) -> None:
    store = open_store(*filled)
    state = store.states.issue()
    store.installations.save(
        Installation(team_id="T2", user_id="U2", user_token="xoxp-sentinel", bot_token="xoxb-sentinel")
    )
    content = b"".join(path.read_bytes() for path in filled[0].parent.rglob("*") if path.is_file())
    store.close()
    for secret in (b"sentinel", b"xoxb-", b"xoxp-", state.encode(), state[8:].encode()):
        assert secret not in content


def test_store_moved_with_its_keyring_opens_elsewhere(filled: Paths, tmp_path: Path) -> None:
    shutil.copy(filled[0], tmp_path / "copy.sqlite")
    store = open_store(tmp_path / "copy.sqlite", filled[1])
    assert store.installations.find_bot(enterprise_id=None, team_id="T1") is not None
    store.close()
