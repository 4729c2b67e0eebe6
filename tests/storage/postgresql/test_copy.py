"""A store is copied into a database and back, record by record, and only one of the two is served."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused
from latchkey.storage import Outcome, Store, StoredEvent, StoreLocation, open_for_command, open_store
from latchkey.storage.copying.store_copy import COPIED
from latchkey.storage.engine import Change
from tests.storage.conformance.installations.models import installation
from tests.support.database.postgresql import DatabaseLocation

NAMES = ("the source", "the target")


@pytest.fixture(params=["into a database", "back into a file"])
def places(request: pytest.FixtureRequest, location: DatabaseLocation, tmp_path: Path) -> tuple[StoreLocation, ...]:
    """Where the source and the target are."""
    file = tmp_path / "data" / "store.sqlite"
    return (file, location) if request.param == "into a database" else (location, file)


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring"


@pytest.fixture
def source(places: tuple[StoreLocation, ...], keyring: Path) -> Iterator[Store]:
    with closing(open_store(places[0], keyring)) as store:
        yield store


@pytest.fixture
def target(places: tuple[StoreLocation, ...], keyring: Path, source: Store) -> Iterator[Store]:
    with closing(open_store(places[1], keyring, new_store=True)) as store:
        yield store


def fill(store: Store) -> None:
    for number in range(30):
        store.installations.save(installation(team_id=f"T{number}", user_token=f"xoxp-{number}"))
    events = [StoredEvent(f"Ev{number}", 1e9 + number, "r", None, b"{}", 1e9 + number) for number in range(10)]
    store.inbox.commit(events)
    store.inbox.commit(outcomes=[Outcome.retry(events[0], attempts=1, due_at=0), Outcome.done(events[1])])
    store.inbox.commit(outcomes=[Outcome.failed(events[2], attempts=5, now=0)])
    store.states.issue()


def content(store: Store) -> dict[str, list[tuple[str, bytes]]]:
    return {table: list(map(tuple, store._engine.scan(table, limit=100_000))) for table in COPIED}


def test_all_records_are_the_same_and_can_be_used(source: Store, target: Store) -> None:
    fill(source)
    result = source.copy.copy_to(target.copy, names=NAMES)
    assert result.is_finished
    assert content(target) == content(source)
    assert target.installations.find_bot(enterprise_id=None, team_id="T7") is not None
    assert {event.event_id for event in target.inbox.recover()} == {"Ev0", *(f"Ev{number}" for number in range(3, 10))}
    assert not target.keys.verify().unreadable


def test_a_repeated_copy_writes_only_what_has_changed(
    places: tuple[StoreLocation, ...], keyring: Path, source: Store, target: Store
) -> None:
    fill(source)
    with closing(open_store(places[0], keyring)):
        first = source.copy.copy_to(target.copy, names=NAMES)
    assert not first.is_finished, "another process has the source open"
    source.installations.delete_all(enterprise_id=None, team_id="T3")
    source.installations.save(installation(team_id="T-new"))
    second = source.copy.copy_to(target.copy, names=NAMES)
    assert second.is_finished
    assert (second.tables["bots"].written, second.tables["bots"].deleted) == (1, 1)
    assert second.tables["states"].written == 0
    assert content(target) == content(source)


def test_servers_refuse_the_source_after_the_copy_and_the_target_before_its_end(
    places: tuple[StoreLocation, ...], keyring: Path, source: Store, target: Store
) -> None:
    fill(source)
    with closing(open_store(places[0], keyring)):
        source.copy.copy_to(target.copy, names=NAMES)
    source.close()
    target.close()
    with pytest.raises(StoreRefused, match="the copy of the source into the store .* is not finished"):
        open_store(places[1], keyring, server_address="x:1")
    with closing(open_store(places[0], keyring)) as one, closing(open_store(places[1], keyring)) as other:
        assert one.copy.copy_to(other.copy, names=NAMES).is_finished
    with pytest.raises(StoreRefused, match="was copied to the target, and is out of date"):
        open_store(places[0], keyring, server_address="x:1")
    open_store(places[1], keyring, server_address="x:1").close()
    open_store(places[0], keyring, server_address="x:1", force=True).close()
    open_store(places[0], keyring, server_address="x:1").close()


def test_a_target_with_other_records_is_refused(source: Store, target: Store) -> None:
    fill(source)
    target.installations.save(installation(team_id="T-other"))
    before = content(target)
    with pytest.raises(StoreRefused, match="not from a copy of this store"):
        source.copy.copy_to(target.copy, names=NAMES)
    assert content(target) == before
    assert source.copy.copy_to(target.copy, names=NAMES, force=True).is_finished
    assert content(target) == content(source)


def _copy(places: tuple[StoreLocation, ...], keyring: Path) -> None:
    with (
        closing(open_for_command(places[0], keyring)) as source,
        closing(open_store(places[1], keyring, new_store=True)) as target,
    ):
        source.copy.copy_to(target.copy, names=NAMES)


def _write(location: StoreLocation, keyring: Path, ready: Event, stop: Event) -> None:
    """Save and delete installations until `stop` is set."""
    with closing(open_store(location, keyring)) as store:
        ready.set()
        turn = 0
        while not stop.is_set():
            turn += 1
            if turn % 5:
                store.installations.save(installation(team_id=f"T-turn-{turn % 300}", installed_at=float(turn)))
            else:
                store.installations.delete_all(enterprise_id=None, team_id=f"T-turn-{(turn * 7) % 300}")


def copy_and_kill(places: tuple[StoreLocation, ...], keyring: Path, records: int, kills: int, seconds: float) -> None:
    """Copy beside a writing process, kill the copy again and again, then stop the writer and finish."""
    spawn = multiprocessing.get_context("spawn")
    with closing(open_store(places[0], keyring)) as store:
        for start in range(0, records, 5000):
            numbers = range(start, min(start + 5000, records))
            assert store._engine.commit([Change("remembered", f"{number:016x}", b"x" * 60) for number in numbers])
    ready, stop = spawn.Event(), spawn.Event()
    writer = spawn.Process(target=_write, args=(places[0], keyring, ready, stop))
    writer.start()
    assert ready.wait(30)
    chance = random.Random(records)
    for _ in range(kills):
        copy = spawn.Process(target=_copy, args=(places, keyring))
        copy.start()
        copy.join(chance.uniform(0.3, 1.0) * seconds)
        copy.kill()
        copy.join()
    begun = time.monotonic()
    _copy(places, keyring)
    beside = time.monotonic() - begun
    stop.set()
    writer.join(30)
    begun = time.monotonic()
    with (
        closing(open_for_command(places[0], keyring)) as source,
        closing(open_store(places[1], keyring, new_store=True)) as target,
    ):
        result = source.copy.copy_to(target.copy, names=NAMES)
        assert result.is_finished
        assert all(source._engine.count(table) == target._engine.count(table) for table in COPIED)
        total = sum(counts.records for counts in result.tables.values())
    switch = time.monotonic() - begun
    print(f"{total:,} records, {kills} kills: the copy beside the writer {beside:.1f} s, the switch {switch:.1f} s")


def test_a_copy_that_is_killed_goes_on(places: tuple[StoreLocation, ...], keyring: Path) -> None:
    copy_and_kill(places, keyring, records=3000, kills=2, seconds=1.0)


@pytest.mark.long
def test_a_million_records_are_copied_beside_a_writer(places: tuple[StoreLocation, ...], keyring: Path) -> None:
    copy_and_kill(places, keyring, records=1_000_000, kills=5, seconds=20.0)
