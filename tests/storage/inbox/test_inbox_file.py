"""What an inbox leaves in a SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage import Store, StoredEvent
from tests.storage.conformance.inbox.test_inbox import accept, done, event, rows, unfinished_ids
from tests.support.clocks import Clock
from tests.support.stores import unfinished


def test_no_text_of_an_event_is_in_the_file(store: Store, clock: Clock, paths: tuple[Path, Path]) -> None:
    store.inbox.commit([StoredEvent("Ev-sentinel", clock.now, "request-1", None, b'{"text":"sentinel-text"}')])
    found = b"".join(path.read_bytes() for path in paths[0].parent.rglob("*") if path.is_file())
    assert b"sentinel" not in found


def test_new_events_and_outcomes_share_a_transaction(store: Store, clock: Clock, paths: tuple[Path, Path]) -> None:
    [one] = accept(store, clock, "Ev1")
    with closing(sqlite3.connect(paths[0])) as other:
        store.inbox.commit([event(clock, "Ev2")], done(one))
        assert unfinished_ids(store) == ["Ev2"]
        other.execute("CREATE TRIGGER refuse BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'refused'); END")
        [two] = [found for found in unfinished(store) if isinstance(found, StoredEvent)]
        with pytest.raises(StoreUnavailable):
            store.inbox.commit([event(clock, "Ev3")], done(two))
        assert unfinished_ids(store) == ["Ev2"], "neither of them"
        other.execute("DROP TRIGGER refuse")
    store.inbox.commit([event(clock, "Ev3")], done(two))
    assert unfinished_ids(store) == ["Ev3"], "the same outcome can be handed in again"
    assert rows(store, "inbox") == 1


def test_a_million_bytes_of_similar_events_take_a_fifth_of_that(
    store: Store, clock: Clock, paths: tuple[Path, Path]
) -> None:
    store.inbox.commit([event(clock, f"Ev{number}", size=1000) for number in range(1000)])
    assert sum(path.stat().st_size for path in paths[0].parent.iterdir()) < 200_000
