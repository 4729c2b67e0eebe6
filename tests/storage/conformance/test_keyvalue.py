"""The key-value interface: what records, scans and commits promise, in each engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage import Store, open_store
from latchkey.storage.engine import ANYTHING, Change, IdSet, KeyValue, Swap
from tests.storage.conformance.conftest import Paths
from tests.support.waiting import until_blocking

ODD_IDS = ["", " ", "a'b\"c", "a%_b", "ä€😀", "\x01", "z" * 500]


@pytest.fixture
def engine(store: Store) -> KeyValue:
    return store._engine


@pytest.fixture
def other(paths: Paths, store: Store) -> Iterator[KeyValue]:
    """The engine of another open store, as another process has it."""
    with closing(open_store(*paths)) as opened:
        yield opened._engine


def put(engine: KeyValue, *record_ids: str, value: bytes = b"v") -> None:
    assert engine.commit([Change("bots", record_id, value) for record_id in record_ids])


def ids(engine: KeyValue, **arguments: object) -> list[str]:
    return [row.record_id for row in engine.scan("bots", **arguments)]  # type: ignore[arg-type]


def test_returns_what_was_stored_last_and_none_for_what_is_absent(engine: KeyValue) -> None:
    assert engine.get("bots", "T1") is None
    put(engine, "T1", value=b"\0\xff")
    put(engine, "T1", value=b"new")
    assert engine.get("bots", "T1") == b"new"
    assert engine.get("installations", "T1") is None
    assert engine.count("bots") == 1


@pytest.mark.parametrize("record_id", ODD_IDS)
def test_any_id_is_a_key(engine: KeyValue, record_id: str) -> None:
    put(engine, "T1", record_id, value=b"x")
    assert engine.get("bots", record_id) == b"x"
    assert set(ids(engine)) - {"T1"} == {record_id} - {""}
    assert engine.existing("bots", [record_id, "T9"]) == {record_id}
    assert engine.commit([Change("bots", record_id, None, b"x")])
    assert engine.get("bots", record_id) is None


def test_a_million_bytes_are_a_value(engine: KeyValue) -> None:
    value = bytes(range(256)) * 4096
    put(engine, "T1", value=value)
    assert engine.get("bots", "T1") == value
    assert engine.scan("bots")[0].value == value


def test_thousands_of_changes_are_one_commit(engine: KeyValue) -> None:
    put(engine, *(f"T{number:05d}" for number in range(5000)))
    assert engine.count("bots") == 5000
    assert engine.commit([Change("bots", f"T{number:05d}", None) for number in range(5000)])
    assert engine.count("bots") == 0


def test_deleting_an_absent_record_changes_nothing(engine: KeyValue) -> None:
    put(engine, "T1")
    assert engine.commit([Change("bots", "T2", None), Change("bots", "T1", None)])
    assert engine.count("bots") == 0


def test_of_several_changes_of_a_record_the_last_one_counts(engine: KeyValue) -> None:
    assert engine.commit([Change("bots", "T1", b"1"), Change("bots", "T1", b"2")])
    assert engine.get("bots", "T1") == b"2"
    assert engine.commit([Change("bots", "T1", None), Change("bots", "T1", b"3", b"2")])
    assert engine.get("bots", "T1") == b"3"


@pytest.mark.parametrize(
    ("expected", "holds"), [(ANYTHING, True), (b"v", True), (b"other", False), (None, False), (b"", False)]
)
def test_a_change_of_an_existing_record_happens_if_it_is_what_is_expected(
    engine: KeyValue, expected: bytes | None, holds: bool
) -> None:
    put(engine, "T1")
    assert engine.commit([Change("bots", "T1", b"new", expected), Change("bots", "T2", b"x")]) == holds
    assert engine.get("bots", "T1") == (b"new" if holds else b"v")
    assert engine.get("bots", "T2") == (b"x" if holds else None), "all or nothing"


@pytest.mark.parametrize(("expected", "holds"), [(ANYTHING, True), (None, True), (b"", False), (b"v", False)])
@pytest.mark.parametrize("value", [b"new", None])
def test_a_change_of_an_absent_record_happens_if_nothing_else_is_expected(
    engine: KeyValue, expected: bytes | None, holds: bool, value: bytes | None
) -> None:
    marks = IdSet("remembered", ["id"])
    assert engine.commit([Change("bots", "T1", value, expected), Change("states", "s", b"x")], marks) == holds
    assert engine.get("bots", "T1") == (value if holds else None)
    assert engine.count("states") == engine.count("remembered") == holds


def test_ids_are_stored_without_a_value_whether_or_not_they_exist(engine: KeyValue) -> None:
    assert engine.commit([], IdSet("remembered", ["a", "b"]))
    assert engine.commit([Change("bots", "T1", b"x")], IdSet("remembered", ["b", "c"]))
    assert engine.existing("remembered", ["a", "b", "c", "d"]) == {"a", "b", "c"}
    assert engine.get("remembered", "b") == b""
    assert engine.existing("remembered", []) == set()


def test_a_scan_goes_through_the_ids_in_the_order_of_their_bytes(engine: KeyValue) -> None:
    put(engine, "b", "B", "ä", "a", "a/1", "a0")
    assert ids(engine) == ["B", "a", "a/1", "a0", "b", "ä"]
    assert ids(engine, limit=2) == ["B", "a"]
    assert ids(engine, after="a") == ["a/1", "a0", "b", "ä"]
    assert ids(engine, prefix="a") == ["a", "a/1", "a0"]
    assert ids(engine, prefix="a", after="a", limit=1) == ["a/1"]
    assert ids(engine, prefix="b", after="a") == ["b"]
    assert ids(engine, prefix="a", after="b") == []
    assert ids(engine, prefix="ä") == ["ä"]


def test_the_first_ids_are_removed_up_to_a_limit(engine: KeyValue) -> None:
    put(engine, "1", "2", "3", "4", "5")
    assert engine.remove_before("bots", "4", 2) == 2
    assert ids(engine) == ["3", "4", "5"]
    assert engine.remove_before("bots", "4", 2) == 1
    assert engine.remove_before("bots", "4", 2) == 0


def test_records_are_counted_by_the_beginning_of_their_values(engine: KeyValue) -> None:
    put(engine, "1", "3", value=b"aa-1")
    put(engine, "2", "4", "5", value=b"bb-1")
    first = engine.count_by_prefix("bots", 2, limit=3)
    assert (first.counts, first.after) == ({b"aa": 2, b"bb": 1}, "3")
    rest = engine.count_by_prefix("bots", 2, after="3", limit=3)
    assert (rest.counts, rest.after) == ({b"bb": 2}, None)
    assert engine.count_by_prefix("states", 2).counts == {}


def test_a_swap_writes_only_what_is_still_expected(engine: KeyValue) -> None:
    put(engine, "1", "2", "3")
    put(engine, "2", value=b"changed")
    swapped = engine.swap("bots", [Swap(b"new", record_id, b"v") for record_id in ("3", "2", "1", "absent")])
    assert swapped.written == 2
    assert swapped.held_seconds >= 0
    assert [engine.get("bots", record_id) for record_id in ("1", "2", "3", "absent")] == [
        b"new",
        b"changed",
        b"new",
        None,
    ]


@pytest.mark.parametrize("expected", [b"v", None])
def test_of_changes_that_expect_the_same_one_wins(engine: KeyValue, other: KeyValue, expected: bytes | None) -> None:
    for number in range(20):
        record_id = f"T{number}"
        if expected is not None:
            put(engine, record_id, value=expected)

        def change(store: KeyValue, value: bytes, record_id: str = record_id) -> bool:
            return store.commit([Change("bots", record_id, value, expected), Change("states", record_id, value)])

        with ThreadPoolExecutor(8) as threads:
            stores = [engine, other] * 4
            won = list(threads.map(change, stores, [bytes([n]) for n in range(8)]))
        assert won.count(True) == 1
        winner = bytes([won.index(True)])
        assert engine.get("bots", record_id) == engine.get("states", record_id) == winner


def test_commits_in_opposite_orders_all_succeed(engine: KeyValue, other: KeyValue) -> None:
    names = [f"T{number}" for number in range(30)]

    def write(store: KeyValue, record_ids: list[str]) -> bool:
        return all(store.commit([Change("bots", record_id, b"x") for record_id in record_ids]) for _ in range(20))

    with ThreadPoolExecutor(4) as threads:
        orders = [names, names[::-1], names[15:] + names[:15], names[::2] + names[1::2]]
        assert all(threads.map(write, [engine, other, engine, other], orders))


def test_another_stores_installations_are_noticed_within_a_second(engine: KeyValue, other: KeyValue) -> None:
    until_blocking(lambda: engine.foreign_changes() == engine.foreign_changes(), seconds=5)
    before = engine.foreign_changes()
    put(engine, "T1")
    assert engine.foreign_changes() == before, "its own changes"
    put(other, "T1")
    until_blocking(lambda: engine.foreign_changes() != before, seconds=1)


def test_an_engine_that_is_closed_says_so(paths: Paths) -> None:
    store = open_store(*paths)
    engine = store._engine
    store.close()
    engine.close()
    for call in (lambda: engine.get("bots", "T1"), lambda: engine.commit([Change("bots", "T1", b"x")])):
        with pytest.raises(StoreUnavailable) as raised:
            call()
        assert raised.value.reason == "closed"


def test_undamaged_records_pass_every_check(engine: KeyValue) -> None:
    put(engine, "T1")
    engine.check_damage()
    engine.check_pages()
    assert engine.erase_log()
