"""Compare-and-swap of many records, and counting them by prefix."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage.engine.keyvalue import Change, Swap
from latchkey.storage.engine.sqlite.sqlite_keyvalue import SqliteKeyValue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "store").touch()
    return tmp_path / "store"


@pytest.fixture
def engine(path: Path) -> Iterator[SqliteKeyValue]:
    with closing(SqliteKeyValue(path, ["rows"])) as engine:
        engine.commit([Change("rows", f"{number:02}", b"old-%02d" % number) for number in range(30)])
        yield engine


def test_swap_changes_only_unchanged_records(engine: SqliteKeyValue) -> None:
    swaps = [Swap(b"new", "01", b"old-01"), Swap(b"new", "02", b"other"), Swap(b"new", "absent", b"other")]
    assert engine.swap("rows", swaps).written == 1
    assert [engine.get("rows", name) for name in ("01", "02", "absent")] == [b"new", b"old-02", None]


def test_swap_on_a_locked_store_times_out_and_restores_durable_commits(engine: SqliteKeyValue, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            engine.swap("rows", [Swap(b"new", "01", b"old-01")])
        assert caught.value.reason == "locked"
        assert time.monotonic() - begun < 2.3
    assert engine.swap("rows", [Swap(b"new", "01", b"old-01")]).written == 1
    with engine._writer.cursor() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "busy_timeout", "wal_autocheckpoint")
        ]
    assert settings == [2, 500, 1000]


def test_counts_records_by_prefix_in_pages(engine: SqliteKeyValue, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO rows (key, value) VALUES (CAST(x'ff00fe' AS TEXT), CAST('other' AS BLOB))")
    counts: Counter[bytes] = Counter()
    after: str | None = ""
    calls = 0
    while after is not None:
        found = engine.count_by_prefix("rows", 4, after=after, limit=7)
        counts.update(found.counts)
        after, calls = found.after, calls + 1
    assert (counts, calls) == ({b"old-": 30, b"othe": 1}, 5)
