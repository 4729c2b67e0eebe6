"""A backup that is damaged, incomplete, of a later version or of other keys is refused, and nothing changes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.errors import StoreRefused
from latchkey.storage import Backup, make_backup
from latchkey.storage.backup.backup_manifest import read_backup
from latchkey.storage.crypto import Sealer, read_keyring
from latchkey.storage.engine import SqliteKeyValue
from latchkey.storage.records import Records
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, TABLES
from tests.storage.backup.restoring import change_manifest, refused
from tests.support.stores import (
    Paths,
    fill,
)


def test_refuses_a_backup_with_one_changed_byte(paths: Paths, backup: Backup) -> None:
    content = backup.store.read_bytes()
    for place in (0, 24, 5000, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        backup.store.write_bytes(changed)
        refused(paths, backup, "its hash differs")


@pytest.mark.parametrize("length", [0, 100, 4096, 40_000])
def test_refuses_a_truncated_backup(paths: Paths, backup: Backup, length: int) -> None:
    backup.store.write_bytes(backup.store.read_bytes()[:length])
    refused(paths, backup, "bytes instead of")


def test_refuses_a_backup_without_its_store(paths: Paths, backup: Backup) -> None:
    backup.store.unlink()
    refused(paths, backup, "No such file")


def test_refuses_a_missing_or_invalid_manifest(backup: Backup, tmp_path: Path) -> None:
    manifest = backup.path / "manifest.json"
    for content in (b"", b"{}", b"\xff\xfe", b"[1]", b'{"format": "other"}'):
        manifest.write_bytes(content)
        with pytest.raises(StoreRefused, match="is not a manifest"):
            read_backup(backup.path)
    manifest.unlink()
    with pytest.raises(StoreRefused, match="not a backup of Latchkey"):
        read_backup(backup.path)
    with pytest.raises(StoreRefused, match="there is no backup"):
        read_backup(tmp_path / "nowhere")


def test_refuses_a_manifest_of_a_later_version(backup: Backup) -> None:
    change_manifest(backup, version=2)
    with pytest.raises(StoreRefused, match="another version"):
        read_backup(backup.path)


def test_refuses_a_backup_of_a_store_in_a_later_format(paths: Paths, tmp_path: Path) -> None:
    fill(paths, "T1")
    with closing(SqliteKeyValue(paths[0], TABLES)) as engine:
        records = Records(engine, Sealer(read_keyring(paths[1])))
        records.commit([records.put(META, FORMAT, {"version": FORMAT_VERSION + 1})])
    refused(paths, make_backup(*paths, tmp_path / "backups"), "another version")


def test_refuses_a_manifest_that_lists_other_records(paths: Paths, backup: Backup) -> None:
    change_manifest(backup, records={**backup.records, "bots": 3})
    refused(paths, read_backup(backup.path), "its manifest lists")


def test_refuses_a_backup_whose_key_is_missing_and_names_the_key(paths: Paths, backup: Backup) -> None:
    missing, other = read_keyring(paths[1]), Fernet.generate_key()
    paths[1].write_bytes(other)
    refused(paths, backup, f"needs the key ids {missing.key_ids[0]}, which .* lacks")


def test_refuses_a_backup_with_a_moved_row_even_if_its_hash_matches(paths: Paths, backup: Backup) -> None:
    from latchkey.storage.engine.sqlite.database_file import sha256_of

    with closing(sqlite3.connect(backup.store)) as connection:
        connection.execute("UPDATE bots SET value = (SELECT value FROM bots WHERE key = '/T2') WHERE key = '/T1'")
        connection.commit()
    change_manifest(backup, sha256=sha256_of(backup.store), bytes=backup.store.stat().st_size)
    refused(paths, read_backup(backup.path), "1 of its records cannot be decrypted")
