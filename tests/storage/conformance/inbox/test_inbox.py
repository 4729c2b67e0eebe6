"""The inbox on disk: accepted events are in it until they are done, and nothing else stays."""

from contextlib import closing

import pytest

from latchkey.errors import UnreadableRecord
from latchkey.storage import EventStatus, Outcome, Store, StoredEvent, event_id_of, open_store
from latchkey.storage.engine import Change
from tests.storage.conformance.conftest import Paths
from tests.support.clocks import Clock
from tests.support.stores import failed, unfinished

ERROR = "ValueError at app.py:3 in listener"


def event(clock: Clock, event_id: str, *, retry_num: int | None = None, size: int = 10) -> StoredEvent:
    body = b'{"text":"' + b"x" * size + b'"}'
    return StoredEvent(event_id, clock.now, "request-1", retry_num, body, int(clock.now))


def accept(store: Store, clock: Clock, *event_ids: str) -> list[StoredEvent]:
    events = [event(clock, event_id) for event_id in event_ids]
    assert not store.inbox.commit(events)
    return events


def done(*events: StoredEvent) -> list[Outcome]:
    return [Outcome.done(event) for event in events]


def rows(store: Store, table: str) -> int:
    return store._engine.count(table)


def unfinished_ids(store: Store) -> list[str]:
    return [event.event_id for event in unfinished(store) if isinstance(event, StoredEvent)]


def test_an_accepted_event_comes_back_byte_for_byte(store: Store, clock: Clock) -> None:
    body = '{"b" : "\\u00e9é\\ud83d\\ude00", "a":1.0e3}'.encode()
    accepted = StoredEvent("Ev1", clock.now, "request-1", 2, body, 1_700_000_000)
    store.inbox.commit([accepted])
    assert unfinished(store) == [accepted]
    [recovered] = store.inbox.recover()
    assert recovered == accepted._replace(status=EventStatus.RETRYING, attempts=1, due_at=clock.now)


def test_events_that_are_accepted_together_are_one_record_and_leave_one_by_one(
    store: Store, clock: Clock, paths: Paths
) -> None:
    one, two, three = accept(store, clock, "Ev1", "Ev2", "Ev3")
    assert rows(store, "inbox") == 1
    store.inbox.commit(outcomes=done(one))
    assert unfinished_ids(store) == ["Ev2", "Ev3"]
    store.inbox.commit(outcomes=done(two, three))
    assert unfinished_ids(store) == []
    assert rows(store, "inbox") == 0
    assert store.event_admin.count_seen_ids() == 3


def test_known_events_are_reported_and_not_stored_again(store: Store, clock: Clock) -> None:
    store.inbox.commit(outcomes=done(*accept(store, clock, "Ev1")))
    known = store.inbox.commit([event(clock, "Ev1", retry_num=1), event(clock, "Ev2")])
    assert known == {"Ev1"}
    assert unfinished_ids(store) == ["Ev2"]


def test_a_retried_event_has_a_record_of_its_own_until_it_is_done(store: Store, clock: Clock, paths: Paths) -> None:
    [accepted] = accept(store, clock, "Ev1")
    accepted = accepted._replace(listeners=["listener"], error=ERROR)
    outcome = Outcome.retry(accepted, attempts=1, due_at=clock.now + 5)
    store.inbox.commit(outcomes=[outcome])
    assert rows(store, "inbox") == 0
    assert store.inbox.recover() == [outcome.event]
    assert store.event_admin.find("Ev1") == outcome.event
    store.inbox.commit(outcomes=done(outcome.event))
    assert store.inbox.recover() == []
    assert rows(store, "retries") == 0


@pytest.mark.parametrize("status", EventStatus)
def test_an_event_of_every_status_comes_back_as_it_was(
    store: Store, clock: Clock, paths: Paths, status: EventStatus
) -> None:
    [expected] = accept(store, clock, "Ev1")
    noted = expected._replace(listeners=["listener"], error=ERROR)
    if status is EventStatus.RETRYING:
        store.inbox.commit(outcomes=[Outcome.retry(noted, attempts=2, due_at=clock.now + 5)])
        expected = noted._replace(attempts=2, due_at=clock.now + 5)
    elif status in (EventStatus.FAILED, EventStatus.REPLAYING):
        store.inbox.commit(outcomes=[Outcome.failed(noted, attempts=5, now=clock.now)])
        expected = noted._replace(attempts=5, due_at=clock.now)
    if status is EventStatus.REPLAYING:
        assert store.event_admin.replay("Ev1")
    store.close()
    with closing(open_store(*paths, clock=clock)) as store:
        assert list(store.event_admin.all()) == [expected._replace(status=status)]
        assert store.event_admin.find("Ev1") == expected._replace(status=status)


def test_a_failed_event_is_replayed_or_dropped(store: Store, clock: Clock) -> None:
    [accepted] = accept(store, clock, "Ev1")
    store.inbox.commit(outcomes=[Outcome.failed(accepted, attempts=5, now=clock.now)])
    assert not store.event_admin.replay("Ev2")
    assert not store.event_admin.drop("Ev2")
    assert store.event_admin.replay("Ev1")
    assert not store.event_admin.replay("Ev1")
    assert not failed(store)
    [taken] = store.inbox.take_replays()
    assert (taken.status, taken.attempts, taken.due_at) == (EventStatus.RETRYING, 0, clock.now)
    assert store.inbox.take_replays() == []
    store.inbox.commit(outcomes=[Outcome.failed(taken, attempts=1, now=clock.now)])
    assert not unfinished(store)
    assert store.event_admin.drop("Ev1")
    assert store.event_admin.find("Ev1") is None


def test_a_replay_requested_while_the_server_is_stopped_runs_at_its_start(
    store: Store, clock: Clock, paths: Paths
) -> None:
    [accepted] = accept(store, clock, "Ev1")
    store.inbox.commit(outcomes=[Outcome.failed(accepted, attempts=5, now=clock.now)])
    store.close()
    with closing(open_store(*paths, clock=clock)) as other:
        other.event_admin.replay("Ev1")
    with closing(open_store(*paths, clock=clock)) as store:
        assert len(store.inbox.take_replays()) == 1


def test_an_unreadable_event_is_named_and_can_be_dropped(store: Store, paths: Paths) -> None:
    store._engine.commit([Change("aside", "Ev1", b"\0"), Change("replays", "Ev2", b"\0")])
    [error] = failed(store)
    assert isinstance(error, UnreadableRecord)
    with pytest.raises(UnreadableRecord):
        store.event_admin.replay("Ev1")
    assert store.inbox.take_replays() == []
    assert store.event_admin.drop("Ev1")
    assert rows(store, "replays") == 1, "only the event that was named is deleted"


def test_records_are_read_in_the_order_in_which_they_were_written(store: Store, clock: Clock) -> None:
    for number in range(20):
        accept(store, clock, f"Ev{number:02d}")
    clock.now -= 5
    accept(store, clock, "Ev20")
    assert unfinished_ids(store) == [f"Ev{number:02d}" for number in range(21)]


def test_an_event_without_an_id_gets_one_from_its_body() -> None:
    assert event_id_of("Ev1", b"x") == "Ev1"
    assert event_id_of(None, b"x") == event_id_of("", b"x") != event_id_of(None, b"y")
