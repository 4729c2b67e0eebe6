"""A page of records: those with the prefix, behind the place, in order; found by seeking and not by reading the rest."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage.engine.keyvalue import Change
from latchkey.storage.engine.sqlite.sqlite_keyvalue import SqliteKeyValue

IDS = ["", "/T1", "/T1/U1", "/T1/U2", "/T10", "/T10/U1", "/T2/U1", "E1/", "E1/T1", "E1/T1/U\U0001f600", "é/T1"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteKeyValue]:
    sqlite3.connect(tmp_path / "store").close()
    (tmp_path / "store").touch()
    with closing(SqliteKeyValue(tmp_path / "store", ["rows"])) as engine:
        engine.commit([Change("rows", record_id, b"value") for record_id in IDS])
        yield engine


@pytest.mark.parametrize("prefix", ["", "/", "/T1", "/T1/", "/T9", "E1/", "é", "E1/T1/U\U0001f600"])
@pytest.mark.parametrize("after", ["", "/T1", "/T1/", "/T1/U1", "/T2", "E1/T1", "zzz", "é/T1"])
def test_page_has_ids_with_the_prefix_after_the_cursor(engine: SqliteKeyValue, prefix: str, after: str) -> None:
    wanted = sorted((i for i in IDS if i.startswith(prefix) and i.encode() > after.encode()), key=str.encode)
    assert [row.record_id for row in engine.scan("rows", prefix=prefix, after=after)] == wanted
    assert [row.record_id for row in engine.scan("rows", prefix=prefix, after=after, limit=1)] == wanted[:1]


def test_scan_seeks_to_the_prefix(engine: SqliteKeyValue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is walked from the one lower bound that the statement has."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    select = engine._reader.select
    monkeypatch.setattr(
        engine._reader, "select", lambda sql, values: asked.append((sql, values)) or select(sql, values)
    )
    engine.scan("rows", prefix="/T2/")
    engine.scan("rows", prefix="/T1/", after="/T1/U1")
    assert [values[0] for _, values in asked] == [b"/T2/", b"/T1/U1"]
    for sql, values in asked:
        [(*_, plan)] = select(f"EXPLAIN QUERY PLAN {sql}", values)
        assert "(key>? AND key<?)" in plan
