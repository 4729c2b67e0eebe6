"""Rotation beside writers: no update undone, nothing deleted back, no key retired before all is well."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import KeyringError, StaleKeyring, StoreInUse, StoreUnavailable
from latchkey.storage import Outcome, Store, StoredEvent, open_store
from latchkey.storage.crypto.keyring import Keyring, read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile
from latchkey.storage.crypto.sealing import PREFIX_LENGTH, Sealer
from latchkey.storage.engine.keyvalue import Swap, Swapped
from latchkey.storage.engine.locks import maintenance_lock
from latchkey.storage.rotation import key_admin
from latchkey.storage.rotation import rotate as rotation
from latchkey.storage.rotation.verification import pages
from latchkey.storage.tables import SEALED_TABLES
from tests.support.stores import other_process

Paths = tuple[Path, Path]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "SETTLE_SECONDS", 0.05)


def installation(team_id: str, token: str) -> Installation:
    return Installation(
        app_id="A1", team_id=team_id, user_id="U1", bot_token=token, bot_id="B", bot_user_id="U", user_token="xoxp-1"
    )


def event(event_id: str) -> StoredEvent:
    return StoredEvent(event_id, time.time(), "request", None, b'{"type": "event_callback"}')


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    """A store with a record in every table."""
    with closing(open_store(*paths)) as store:
        for number in range(30):
            store.installations.save(installation(f"T{number}", f"token-{number}"))
        for _ in range(3):
            store.states.issue()
        one, two, three = event("Ev1"), event("Ev2"), event("Ev3")
        store.inbox.commit([one, two, three])
        failed = [Outcome.failed(each, attempts=5, now=time.time()) for each in (two, three)]
        store.inbox.commit(outcomes=[Outcome.retry(one, attempts=1, due_at=time.time()), *failed])
        assert store.event_admin.replay("Ev3")
        store.inbox.commit([event("Ev4")])
        yield store


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
        meanwhile(monkeypatch, store, lambda: server.installations.save(installation("T1", "newer")))
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
    monkeypatch.setattr(rotation, "ERASE_TIMEOUT", 0.3)
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
    monkeypatch.setattr(rotation, "ERASE_TIMEOUT", 0.3)
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


def test_swap_changes_only_unchanged_records(store: Store) -> None:
    engine = store.keys._engine
    one, two = engine.get("bots", "/T1"), engine.get("bots", "/T2")
    assert one is not None
    swaps = [Swap(b"new", "/T1", one), Swap(b"new", "/T2", b"other"), Swap(b"new", "/absent", b"other")]
    assert engine.swap("bots", swaps).written == 1
    assert (engine.get("bots", "/T1"), engine.get("bots", "/T2"), engine.get("bots", "/absent")) == (b"new", two, None)


def test_swap_on_a_locked_store_times_out_and_restores_durable_commits(paths: Paths, store: Store) -> None:
    engine = store.keys._engine
    one = engine.get("bots", "/T1")
    assert one is not None
    with closing(sqlite3.connect(paths[0], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            engine.swap("bots", [Swap(b"new", "/T1", one)])
        assert caught.value.reason == "locked"
        assert time.monotonic() - begun < 2.3
    assert engine.swap("bots", [Swap(b"new", "/T1", one)]).written == 1
    with engine._writer.cursor() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "busy_timeout", "wal_autocheckpoint")
        ]
    assert settings == [2, 500, 1000]


def test_reencrypts_a_value_stored_as_text(paths: Paths, store: Store) -> None:
    spoil(paths, "UPDATE bots SET value = CAST(value AS TEXT) WHERE key = '/T3'")
    rotated = store.keys.rotate()
    assert (rotated.conflicts, rotated.verified.unreadable, rotated.verified.stale) == (0, 0, 0)


def test_counts_records_by_key_in_pages(paths: Paths, store: Store) -> None:
    spoil(paths, "UPDATE bots SET value = CAST('plain' AS BLOB) WHERE key = '/T3'")
    spoil(paths, "INSERT INTO bots (key, value) VALUES (CAST(x'ff00fe' AS TEXT), x'')")
    engine = store.keys._engine
    counts, after, calls = 0, "", 0
    while after is not None:
        found = engine.count_by_prefix("bots", PREFIX_LENGTH, after=after, limit=7)
        counts, after, calls = counts + sum(found.counts.values()), found.after, calls + 1
    assert (counts, calls) == (31, 5)
    assert store.keys.use()["bots"] == {read_keyring(paths[1]).primary_key.key_id: 29, "": 2}


def reencrypt_all(store: Store) -> None:
    engine, sealer = store.keys._engine, store.keys._sealer
    for table in SEALED_TABLES:
        for rows in pages(engine, table):
            engine.swap(table, [Swap(sealer.reencrypt(table, *row), *row) for row in rows])


def reencrypted_between(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Let a rotation re-encrypt every record between the next read and the commit that follows it."""
    engine, real = store.keys._engine, store.keys._engine.commit
    once = [True]

    def commit(changes: object, marks: object = None) -> bool:
        if once.pop() if once else False:
            reencrypt_all(store)
        return real(changes, marks)  # type: ignore[arg-type]

    store.keys.add()
    monkeypatch.setattr(engine, "commit", commit)


def test_state_reencrypted_meanwhile_is_consumed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    state = store.states.issue()
    reencrypted_between(monkeypatch, store)
    assert store.states.consume(state)
    assert not store.states.consume(state)


def test_installation_reencrypted_meanwhile_is_enriched(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = store.installations.find_installation(enterprise_id=None, team_id="T5")
    assert found is not None
    found.team_name = "told by auth.test"
    reencrypted_between(monkeypatch, store)
    store.installations.enrich(found)
    again = store.installations.find_installation(enterprise_id=None, team_id="T5")
    assert again is not None
    assert again.team_name == "told by auth.test"


def test_events_reencrypted_meanwhile_are_recovered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reencrypted_between(monkeypatch, store)
    assert {event.event_id for event in store.inbox.recover()} == {"Ev1", "Ev4"}


def test_event_reencrypted_meanwhile_is_replayed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reencrypted_between(monkeypatch, store)
    assert store.event_admin.replay("Ev2")


def test_record_with_another_value_is_not_overwritten(store: Store) -> None:
    records = store._records
    read = records.read("bots", "/T1")
    assert read is not None
    store.installations.save_bot(Bot(team_id="T1", bot_token="other", bot_id="B", bot_user_id="U", installed_at=1.0))
    assert not records.commit([records.replace("bots", read, "/T1", "undone")])
    spoil_read = read._replace(sealed=b"never sealed")
    assert not records.commit([records.remove("bots", spoil_read)])
    assert tokens(store)["T1"] == "other"
