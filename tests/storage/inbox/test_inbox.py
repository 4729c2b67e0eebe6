"""The inbox on disk: what is accepted is there, what is done is remembered for 25 hours, and nothing else stays."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey.errors import UnreadableRecord
from latchkey.storage import Arrival, Event, Progress, State, Store, Tried, event_id_of, open_store
from latchkey.storage.inbox import seen_ids
from latchkey.storage.inbox.inbox import SWEEP_LIMIT
from tests.support.clocks import Clock
from tests.support.events_on_disk import aside, waiting

HOUR = 3600.0


def arrival(
    clock: Clock, event_id: str, *, retry_num: int | None = None, event_time: int | None = None, size: int = 10
) -> Arrival:
    body = b'{"text":"' + b"x" * size + b'"}'
    return Arrival(Event(event_id, clock.now, "request-1", retry_num, body), event_time)


def accept(store: Store, clock: Clock, *event_ids: str) -> tuple[str, list[Event]]:
    arrivals = [arrival(clock, event_id) for event_id in event_ids]
    record_id, known = store.inbox.accept(arrivals)
    return record_id, [event for event, _ in arrivals if event.event_id not in known]


def finish(store: Store, clock: Clock, *event_ids: str) -> None:
    record_id, events = accept(store, clock, *event_ids)
    store.inbox.commit(Progress(done=events, finished_records=[record_id]))


def rows(paths: tuple[Path, Path], table: str) -> int:
    with closing(sqlite3.connect(paths[0])) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def waiting_ids(store: Store) -> list[str]:
    return [tried.event.event_id for tried in waiting(store) if isinstance(tried, Tried)]


def test_an_accepted_event_comes_back_byte_for_byte(store: Store, clock: Clock) -> None:
    event = Event("Ev1", clock.now, "request-1", 2, '{"b" : "\\u00e9é\\ud83d\\ude00", "a":1.0e3}'.encode())
    store.inbox.accept([Arrival(event, None)])
    [tried] = store.inbox.recover()
    assert tried.event == event
    assert (tried.attempts, tried.listeners, tried.error) == (1, None, "")


def test_no_text_of_an_event_is_in_the_file(store: Store, clock: Clock, paths: tuple[Path, Path]) -> None:
    body = b'{"text":"sentinel-text"}'
    store.inbox.accept([Arrival(Event("Ev-sentinel", clock.now, "request-1", None, body), None)])
    found = b"".join(path.read_bytes() for path in paths[0].parent.rglob("*") if path.is_file())
    assert b"sentinel" not in found


def test_events_that_come_together_are_one_record_and_leave_one_by_one(
    store: Store, clock: Clock, paths: tuple[Path, Path]
) -> None:
    record_id, events = accept(store, clock, "Ev1", "Ev2", "Ev3")
    assert rows(paths, "inbox") == 1
    store.inbox.commit(Progress(done=events[:1]))
    assert waiting_ids(store) == ["Ev2", "Ev3"]
    store.inbox.commit(Progress(done=events[1:], finished_records=[record_id]))
    assert waiting_ids(store) == []
    assert rows(paths, "inbox") == 0
    assert store.event_records.remembered() == 3


def test_known_events_are_told_and_not_kept_twice(store: Store, clock: Clock) -> None:
    finish(store, clock, "Ev1")
    _, known = store.inbox.accept([arrival(clock, "Ev1", retry_num=1), arrival(clock, "Ev2")])
    assert known == {"Ev1"}
    assert waiting_ids(store) == ["Ev2"]


@pytest.mark.parametrize("hours", [0, 0.5, 1, 23.9, 24.9, 25])
def test_a_retry_is_known_for_twenty_five_hours(store: Store, clock: Clock, hours: float) -> None:
    finish(store, clock, "Ev1")
    clock.now += hours * HOUR
    assert store.inbox.forget_old() == 0
    _, known = store.inbox.accept([arrival(clock, "Ev1", retry_num=4)])
    assert known == {"Ev1"}


def test_then_it_is_forgotten_by_itself(store: Store, clock: Clock) -> None:
    finish(store, clock, "Ev1")
    clock.now += 25 * HOUR + 2 * seen_ids.BUCKET_SECONDS
    finish(store, clock, "Ev2")
    assert store.inbox.forget_old() == 1
    assert store.event_records.remembered() == 1
    assert store.inbox.forget_old() == 0


def test_old_ids_are_forgotten_a_few_at_a_time(store: Store, clock: Clock) -> None:
    finish(store, clock, *(f"Ev{number}" for number in range(SWEEP_LIMIT + 1)))
    clock.now += 26 * HOUR
    assert [store.inbox.forget_old() for _ in range(3)] == [SWEEP_LIMIT, 1, 0]


@pytest.mark.parametrize("seconds", [0, 1, 299, 600])
def test_the_same_signed_bytes_played_again_are_known(store: Store, clock: Clock, seconds: float) -> None:
    """Without a retry header: a signature holds for five minutes on either side."""
    finish(store, clock, "Ev1")
    clock.now += seconds
    _, known = store.inbox.accept([arrival(clock, "Ev1")])
    assert known == {"Ev1"}


def test_a_clock_that_was_set_back_makes_no_event_new(store: Store, clock: Clock) -> None:
    clock.now = 1_700_000_400.0
    finish(store, clock, "Ev1")
    clock.now -= 500
    _, known = store.inbox.accept([arrival(clock, "Ev1", retry_num=1)])
    assert known == {"Ev1"}


@given(
    first=st.floats(1e9, 4e9),
    delay=st.floats(0, seen_ids.KEPT_SECONDS),
    event_id=st.text(min_size=1, max_size=40),
    age=st.integers(0, 100_000) | st.none(),
)
def test_wherever_it_stands_it_is_looked_for(first: float, delay: float, event_id: str, age: int | None) -> None:
    stands = seen_ids.record_id(event_id, first)
    event_time = None if age is None else int(first) - age
    possible = seen_ids.possible_record_ids(event_id, first + delay, is_retry=True, event_time=event_time)
    assert stands in possible
    assert len(possible) < 160
    soon = seen_ids.possible_record_ids(event_id, first + min(delay, 600), is_retry=False, event_time=event_time)
    assert stands in soon
    assert stands >= seen_ids.expired_before(first + delay)


def test_what_failed_has_a_record_of_its_own_until_it_is_settled(
    store: Store, clock: Clock, paths: tuple[Path, Path]
) -> None:
    record_id, [event] = accept(store, clock, "Ev1")
    tried = Tried(event, 1, clock.now + 5, ["listener"], "ValueError at app.py:3 in listener")
    store.inbox.commit(Progress(done=[event], finished_records=[record_id], tried=[tried]))
    assert store.inbox.recover() == [tried]
    assert store.event_records.find("Ev1") == (State.RETRYING, tried)
    store.inbox.commit(Progress(settled=[event]))
    assert store.inbox.recover() == []
    assert rows(paths, "retries") == 0


def test_set_aside_replay_and_drop(store: Store, clock: Clock) -> None:
    record_id, [event] = accept(store, clock, "Ev1")
    failed = Tried(event, 5, clock.now, None, "ValueError")
    store.inbox.commit(Progress(done=[event], finished_records=[record_id], aside=[failed]))
    assert [tried.event.event_id for tried in aside(store) if isinstance(tried, Tried)] == ["Ev1"]
    assert not store.event_records.replay("Ev2")
    assert not store.event_records.drop("Ev2")
    assert store.event_records.replay("Ev1")
    assert not store.event_records.replay("Ev1")
    assert not aside(store)
    [taken] = store.inbox.take_replays()
    assert (taken.attempts, taken.due_at) == (0, clock.now)
    assert store.inbox.take_replays() == []
    store.inbox.commit(Progress(settled=[event], aside=[taken]))
    assert store.event_records.drop("Ev1")
    assert store.event_records.find("Ev1") is None


def test_a_replay_asked_for_while_the_server_is_stopped_is_run_at_its_start(
    store: Store, clock: Clock, paths: tuple[Path, Path]
) -> None:
    _, [event] = accept(store, clock, "Ev1")
    store.inbox.commit(Progress(aside=[Tried(event, 5, clock.now)]))
    store.close()
    other = open_store(*paths, clock=clock)
    other.event_records.replay("Ev1")
    other.close()
    store = open_store(*paths, clock=clock)
    assert len(store.inbox.take_replays()) == 1
    store.close()


def test_one_that_cannot_be_opened_can_be_dropped_and_is_named(
    store: Store, clock: Clock, paths: tuple[Path, Path]
) -> None:
    with closing(sqlite3.connect(paths[0])) as other, other:
        other.execute("INSERT INTO aside (key, value) VALUES ('Ev1', x'00')")
        other.execute("INSERT INTO replays (key, value) VALUES ('Ev2', x'00')")
    [error] = aside(store)
    assert isinstance(error, UnreadableRecord)
    with pytest.raises(UnreadableRecord):
        store.event_records.replay("Ev1")
    assert store.inbox.take_replays() == []
    assert store.event_records.drop("Ev1")
    assert rows(paths, "replays") == 1, "and nothing is deleted that nobody dropped"


def test_records_are_read_in_the_order_in_which_they_came(store: Store, clock: Clock) -> None:
    for number in range(20):
        accept(store, clock, f"Ev{number:02d}")
    clock.now -= 5
    accept(store, clock, "Ev20")
    assert waiting_ids(store) == [f"Ev{number:02d}" for number in range(21)]


def test_an_id_that_slack_did_not_give_is_the_bodys() -> None:
    assert event_id_of("Ev1", b"x") == "Ev1"
    assert event_id_of(None, b"x") == event_id_of("", b"x") != event_id_of(None, b"y")


def test_a_million_bytes_of_alike_events_take_a_tenth(store: Store, clock: Clock, paths: tuple[Path, Path]) -> None:
    store.inbox.accept([arrival(clock, f"Ev{number}", size=1000) for number in range(1000)])
    assert sum(path.stat().st_size for path in paths[0].parent.iterdir()) < 200_000
