"""Rotation beside writers: no update undone, nothing deleted back, no key retired before all is well."""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import KeyringError, StaleKeyring, StoreInUse, StoreUnavailable
from latchkey.storage import Store, open_store
from latchkey.storage.crypto.keyring import Keyring, read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile
from latchkey.storage.crypto.sealing import PREFIX_LENGTH, Sealer
from latchkey.storage.engine.keyvalue import Swap, Swapped
from latchkey.storage.engine.sqlite.locks import maintenance_lock
from latchkey.storage.rotation import erasing, key_admin
from latchkey.storage.rotation import rotate as rotation
from latchkey.storage.rotation.verification import pages
from latchkey.storage.tables import SEALED_TABLES
from tests.support.stores import Paths, installation, other_process


def old_rows(path: Path) -> dict[tuple[str, str], bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            (table, key): value
            for table in SEALED_TABLES
            for key, value in connection.execute(f"SELECT key, value FROM {table}")
        }


def snapshot(paths: Paths) -> tuple[bytes, dict[tuple[str, str], bytes]]:
    return paths[1].read_bytes(), old_rows(paths[0])


def tokens(store: Store) -> dict[str | None, str | None]:
    return {found.team_id: found.bot_token for found in store.installations.page(limit=1000).installations}


def test_reencrypts_every_record_of_every_table_with_the_same_content(paths: Paths, store: Store) -> None:
    old, before = read_keyring(paths[1]).primary_key.key_id, old_rows(paths[0])
    assert {table for table, _ in before} == set(SEALED_TABLES)
    opened = Sealer(read_keyring(paths[1]))
    values = {name: opened.open(*name, sealed) for name, sealed in before.items()}
    rotated = store.keys.rotate()
    assert (rotated.added, rotated.reencrypted, rotated.conflicts, rotated.retired) == (True, len(before), 0, (old,))
    assert (rotated.verified.total, rotated.verified.unreadable) == (len(before), 0)
    keyring = read_keyring(paths[1])
    assert keyring.key_ids == (rotated.key_id, old)
    new_only = Sealer(Keyring(keyring.keys[:1]))
    after = old_rows(paths[0])
    assert {name: new_only.open(*name, sealed) for name, sealed in after.items()} == values
    first, second = KeyringFile(paths[1]).entries
    assert first.retired_at is None
    assert second.retired_at == pytest.approx(time.time(), abs=60)


def test_each_rotation_adds_one_key_and_retires_one(paths: Paths, store: Store) -> None:
    made = [store.keys.rotate().key_id for _ in range(3)]
    entries = store.keys.entries()
    assert [entry.key_id for entry in entries][:3] == made[::-1]
    assert [entry.retired_at is None for entry in entries] == [True, False, False, False]
    assert tokens(store)["T7"] == "token-7"


def test_erases_the_old_ciphertext_from_every_file(paths: Paths, store: Store) -> None:
    store.installations.delete_all(enterprise_id=None, team_id="T1")
    before = old_rows(paths[0])
    store.keys.rotate()
    content = b"".join(path.read_bytes() for path in paths[0].parent.iterdir() if path.is_file())
    assert paths[0].with_name("store.sqlite-wal").exists()
    for name, sealed in before.items():
        token = sealed[PREFIX_LENGTH:]
        for at in range(20, len(token) - 20, 20):  # its beginning is a version and a time, and much the same everywhere
            assert token[at : at + 20] not in content, name
    for sealed in old_rows(paths[0]).values():
        assert sealed[PREFIX_LENGTH:] in content or len(sealed) > 900, "the search finds what is there"


def meanwhile(monkeypatch: pytest.MonkeyPatch, store: Store, act: Callable[[], object]) -> None:
    """Let something happen between reading records and writing them re-encrypted, once."""
    engine, real = store.keys._engine, store.keys._engine.swap
    acts = [act]

    def swap(table: str, swaps: list[Swap]) -> Swapped:
        if table == "bots" and acts:
            acts.pop()()
        return real(table, swaps)

    monkeypatch.setattr(engine, "swap", swap)


def test_concurrent_update_is_not_undone(paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(*paths)) as server:
        meanwhile(monkeypatch, store, lambda: server.installations.save(installation("T1", bot_token="newer")))
        rotated = store.keys.rotate()
        assert rotated.conflicts == 1
        assert tokens(server)["T1"] == "newer"
        assert not rotated.verified.stale


def test_concurrently_deleted_record_does_not_come_back(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(*paths)) as server:
        meanwhile(monkeypatch, store, lambda: server.installations.delete_all(enterprise_id=None, team_id="T1"))
        rotated = store.keys.rotate()
        assert rotated.conflicts == 1
        assert "T1" not in tokens(server)
        assert server.installations.find_bot(enterprise_id=None, team_id="T1") is None


def test_record_written_late_with_the_old_key_is_reencrypted_in_another_round(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that had sealed before its process took the new key commits after the first pass."""
    late = Sealer(read_keyring(paths[1])).seal("bots", "/LATE", {"bot_token": "late"})
    real, left = rotation.verify, [late]

    def verify(*arguments: object) -> object:
        if left:
            with closing(sqlite3.connect(paths[0])) as other, other:
                other.execute("INSERT INTO bots (key, value) VALUES ('/LATE', ?)", (left.pop(),))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rotation, "verify", verify)
    rotated = store.keys.rotate()
    assert not rotated.verified.stale
    assert store.keys.use()["bots"] == {rotated.key_id: 31}


def test_interrupted_rotation_continues_with_the_same_key(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        meanwhile(patch, store, cut_off)
        with pytest.raises(KeyboardInterrupt):
            store.keys.rotate()
    keyring = read_keyring(paths[1])
    assert len(keyring.keys) == 2
    assert tokens(store)["T3"] == "token-3"
    rotated = store.keys.rotate()
    assert (rotated.added, rotated.key_id) == (False, keyring.primary_key.key_id)
    assert read_keyring(paths[1]).key_ids == keyring.key_ids
    assert rotated.retired == keyring.key_ids[1:]


def test_rotates_to_a_key_that_was_added_before(paths: Paths, store: Store) -> None:
    added = store.keys.add()
    rotated = store.keys.rotate()
    assert (rotated.key_id, rotated.added) == (added, False)


def spoil(paths: Paths, sql: str) -> None:
    with closing(sqlite3.connect(paths[0])) as other, other:
        other.execute(sql)


FLIPPED = "UPDATE bots SET value = CAST(replace(CAST(value AS TEXT), 'gAAAAA', 'gAAAAB') AS BLOB) WHERE key = '/T3'"
COPIED = "UPDATE bots SET value = (SELECT value FROM bots WHERE key = '/T4') WHERE key = '/T3'"
CUT = "UPDATE bots SET value = substr(value, 1, 40) WHERE key = '/T3'"
NOT_SEALED = "UPDATE bots SET value = CAST('plain' AS BLOB) WHERE key = '/T3'"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [(FLIPPED, "changed"), (COPIED, "another table or id"), (CUT, "changed"), (NOT_SEALED, "not an encrypted record")],
)
def test_unreadable_record_is_listed_unchanged_and_no_key_is_retired(
    paths: Paths, store: Store, sql: str, reason: str
) -> None:
    spoil(paths, sql)
    before = old_rows(paths[0])[("bots", "/T3")]
    for added in (True, False):
        rotated = store.keys.rotate()
        assert (rotated.added, rotated.retired, rotated.verified.unreadable) == (added, (), 1)
        [error] = rotated.verified.listed
        assert (error.table, error.record_id) == ("bots", "/T3")
        assert reason in error.reason
        assert [entry.retired_at for entry in store.keys.entries()] == [None, None]
        after = old_rows(paths[0])
        assert after[("bots", "/T3")] == before
        others = {sealed[3:19].decode() for name, sealed in after.items() if name != ("bots", "/T3")}
        assert others == {rotated.key_id}


def in_another_order(path: Path) -> None:
    """Put the second key in front of the first one; the comments stay where they are."""
    first, second = (key.reveal() for key in read_keyring(path).keys)
    content = path.read_bytes().replace(first, b"FIRST").replace(second, first).replace(b"FIRST", second)
    path.write_bytes(content)


def of_another_year(path: Path, key_id: str) -> None:
    """Let the keyring say that this key was made long ago, and that none is retired."""
    text = re.sub(rf"(# {key_id} made )\d{{4}}", r"\g<1>2020", path.read_text())
    path.write_text(re.sub(r" retired \S+", "", text))


@pytest.mark.parametrize("said", ["is retired", "is older"])
def test_refuses_a_keyring_in_the_wrong_order_and_changes_nothing(paths: Paths, store: Store, said: str) -> None:
    old = read_keyring(paths[1]).primary_key.key_id
    store.keys.rotate()
    if said == "is older":
        of_another_year(paths[1], old)
    in_another_order(paths[1])
    before = snapshot(paths)
    for act in (store.keys.rotate, store.keys.next_key):
        with pytest.raises(KeyringError, match=f"{old} {said}"):
            act()
    assert snapshot(paths) == before


@pytest.mark.parametrize("ahead", [86400.0, -86400.0])
def test_a_key_made_while_the_clock_was_wrong_blocks_no_later_rotation(
    paths: Paths, store: Store, ahead: float
) -> None:
    KeyringFile(paths[1]).add_key(time.time() + ahead)
    rotated = [store.keys.rotate().key_id for _ in range(3)]
    store.keys.add()
    rotated.append(store.keys.rotate().key_id)
    assert len(set(rotated)) == 4
    active, *others = KeyringFile(paths[1]).entries
    assert (active.key_id, active.retired_at) == (rotated[-1], None)
    assert all(entry.retired_at for entry in others)


def test_rotates_beside_a_retired_key_that_seems_newer(paths: Paths, store: Store) -> None:
    """As earlier versions left it after a rotation with the clock ahead."""
    old = read_keyring(paths[1]).primary_key.key_id
    store.keys.rotate()
    paths[1].write_text(re.sub(rf"(# {old} made )\d{{4}}", r"\g<1>2099", paths[1].read_text()))
    first = store.keys.rotate().key_id
    assert store.keys.next_key() is None
    assert KeyringFile(paths[1]).entries[0].key_id == first


def test_hint_for_a_wrong_order_names_an_active_key(paths: Paths, store: Store) -> None:
    store.keys.rotate()
    active = read_keyring(paths[1]).primary_key.key_id
    in_another_order(paths[1])
    with pytest.raises(KeyringError) as refused:
        store.keys.rotate()
    assert refused.value.hint == f"move the line of {active} to the top again; nothing was changed"


def test_refuses_a_second_rotation_at_the_same_time(paths: Paths, store: Store) -> None:
    before = snapshot(paths)
    with maintenance_lock(paths[0]):
        for act in (store.keys.rotate, store.keys.add, lambda: store.keys.retire("0" * 16, {}, confirm=print)):
            with pytest.raises(StoreInUse):
                act()
    assert snapshot(paths) == before


def test_process_with_a_copy_of_the_keyring_stops_a_rotation_before_any_record_changes(
    paths: Paths, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_admin, "ADOPT_TIMEOUT", 0.2)
    copy = tmp_path / "copy"
    copy.write_bytes(paths[1].read_bytes())
    copy.chmod(0o600)
    before = old_rows(paths[0])
    with other_process((paths[0], copy)) as process:
        for act in (store.keys.rotate, store.keys.rotate):
            with pytest.raises(StaleKeyring, match=f"pid {process.pid}") as caught:
                act()
            assert caught.value.pids == (process.pid,)
    assert len(read_keyring(paths[1]).keys) == 2, "the second run makes no further key"
    assert old_rows(paths[0]) == before
    assert store.keys.rotate().reencrypted == len(before)


def test_reader_that_blocks_erasing_keeps_the_old_key_active(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "ERASE_TIMEOUT", 0.3)
    with closing(sqlite3.connect(paths[0], isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM bots").fetchone()
        with pytest.raises(StoreUnavailable, match="old ciphertext is still in the -wal"):
            store.keys.rotate()
        assert [entry.retired_at for entry in store.keys.entries()] == [None, None]
    rotated = store.keys.rotate()
    assert (rotated.added, rotated.reencrypted, len(rotated.retired)) == (False, 0, 1)


def test_drops_a_key_only_after_the_reencrypted_records_are_on_disk(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a rotation writes may be undone by a power cut until the -wal has been put into the file."""
    monkeypatch.setattr(erasing, "ERASE_TIMEOUT", 0.3)
    old = read_keyring(paths[1]).primary_key.key_id
    store.keys.rotate()
    store.states.issue()
    with closing(sqlite3.connect(paths[0], isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM bots").fetchone()
        with pytest.raises(StoreUnavailable, match="keeps reading"):
            store.keys.retire(old, {}, confirm=print)
        assert old in read_keyring(paths[1]).key_ids
    store.keys.retire(old, {}, confirm=print)
    assert old not in read_keyring(paths[1]).key_ids
    assert paths[0].with_name("store.sqlite-wal").stat().st_size == 0


def test_waits_for_a_locked_store(paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real, locked = store.keys._engine.swap, [StoreUnavailable("locked", "by a test")] * 3

    def swap(table: str, swaps: list[Swap]) -> Swapped:
        if locked:
            raise locked.pop()
        return real(table, swaps)

    monkeypatch.setattr(store.keys._engine, "swap", swap)
    assert not store.keys.rotate().verified.unreadable
    monkeypatch.setattr(rotation, "LOCK_TIMEOUT", -1.0)
    locked[:] = [StoreUnavailable("locked", "by a test")]
    with pytest.raises(StoreUnavailable, match="by a test"):
        store.keys.rotate()


def test_page_of_large_records_has_few_rows(paths: Paths, store: Store) -> None:
    records = store._records
    for number in range(40):
        records.commit([records.put("aside", f"large-{number:02}", "x" * 300_000)])
    found = [[row.record_id for row in rows] for rows in pages(store.keys._engine, "aside", 100)]
    assert sum(found, []) == sorted(["Ev2", *(f"large-{number:02}" for number in range(40))])
    assert max(len(rows) for rows in found[1:]) <= 3
    assert not store.keys.rotate().verified.unreadable


def test_reencrypts_a_value_stored_as_text(paths: Paths, store: Store) -> None:
    spoil(paths, "UPDATE bots SET value = CAST(value AS TEXT) WHERE key = '/T3'")
    rotated = store.keys.rotate()
    assert (rotated.conflicts, rotated.verified.unreadable, rotated.verified.stale) == (0, 0, 0)


def test_counts_records_by_key_and_values_that_are_not_encrypted(paths: Paths, store: Store) -> None:
    spoil(paths, "UPDATE bots SET value = CAST('plain' AS BLOB) WHERE key = '/T3'")
    spoil(paths, "INSERT INTO bots (key, value) VALUES (CAST(x'ff00fe' AS TEXT), x'')")
    assert store.keys.use()["bots"] == {read_keyring(paths[1]).primary_key.key_id: 29, "": 2}
