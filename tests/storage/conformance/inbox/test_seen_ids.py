"""A copy of an event is recognized for at least 25 hours, whatever its event time says, and then forgotten."""

import hashlib
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey.storage import Outcome, Store, StoredEvent, open_store
from latchkey.storage.engine import IdSet
from latchkey.storage.inbox.inbox import SWEEP_LIMIT
from latchkey.storage.inbox.seen_ids import (
    BUCKET_SECONDS,
    KEPT_SECONDS,
    MAX_EVENT_AGE_SECONDS,
    expired_before,
    possible_ids,
    seen_id,
)
from latchkey.storage.tables import SEEN_IDS
from tests.storage.conformance.conftest import Paths
from tests.support.clocks import Clock

HOUR = 3600.0
FORGOTTEN_SECONDS = KEPT_SECONDS + MAX_EVENT_AGE_SECONDS + 2 * BUCKET_SECONDS
NEVER = -1e12


def event(
    clock: Clock, event_id: str = "Ev1", *, retry_num: int | None = None, event_time: float | None = None
) -> StoredEvent:
    return StoredEvent(event_id, clock.now, "request-1", retry_num, b"{}", event_time)


def finish(store: Store, *events: StoredEvent) -> None:
    assert not store.inbox.commit(events)
    store.inbox.commit(outcomes=[Outcome.done(event) for event in events])


def old_id(event_id: str, received_at: float) -> str:
    """Return the id that commit 3d666a3 gave every event."""
    return f"{int(received_at // 600):07x}" + hashlib.blake2b(event_id.encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize("hours", [0, 0.5, 1, 23.9, 24.9, 25])
@pytest.mark.parametrize("age", [None, 0, 2, 3500, 7200, 40 * HOUR, -2, -7200, -20 * HOUR, -30 * HOUR, -1e10])
def test_a_retry_is_known_for_25_hours_whatever_its_event_time(
    store: Store, clock: Clock, hours: float, age: float | None
) -> None:
    event_time = None if age is None else max(0, int(clock.now - age))
    finish(store, event(clock, event_time=event_time))
    clock.now += hours * HOUR
    assert store.inbox.forget_old() == 0
    assert store.inbox.commit([event(clock, retry_num=4, event_time=event_time)]) == {"Ev1"}


@pytest.mark.parametrize("age", [None, 0, 7200, -1e10])
def test_after_that_its_id_is_deleted(store: Store, clock: Clock, age: float | None) -> None:
    event_time = None if age is None else int(clock.now - age)
    finish(store, event(clock, event_time=event_time))
    clock.now += FORGOTTEN_SECONDS
    finish(store, event(clock, "Ev2"))
    assert store.inbox.forget_old() == 1
    assert store.event_admin.count_seen_ids() == 1
    assert store.inbox.forget_old() == 0


def test_an_event_time_in_the_future_keeps_its_id_two_days_at_most(store: Store, clock: Clock) -> None:
    finish(store, event(clock, event_time=int(clock.now + 24 * HOUR)))
    clock.now += 24 * HOUR + FORGOTTEN_SECONDS
    assert store.inbox.forget_old() == 1


def test_old_ids_are_deleted_a_few_at_a_time(store: Store, clock: Clock) -> None:
    finish(store, *(event(clock, f"Ev{number}", event_time=int(clock.now)) for number in range(SWEEP_LIMIT + 1)))
    clock.now += FORGOTTEN_SECONDS
    assert [store.inbox.forget_old() for _ in range(3)] == [SWEEP_LIMIT, 1, 0]


@pytest.mark.parametrize("seconds", [0, 1, 299, 600])
@pytest.mark.parametrize("age", [None, 0, 7200, -7200])
def test_the_same_signed_bytes_sent_again_are_known(
    store: Store, clock: Clock, seconds: float, age: float | None
) -> None:
    """Without a retry header: a signature is valid for five minutes before and after its timestamp."""
    event_time = None if age is None else int(clock.now - age)
    finish(store, event(clock, event_time=event_time))
    clock.now += seconds
    assert store.inbox.commit([event(clock, event_time=event_time)]) == {"Ev1"}


@pytest.mark.parametrize("age", [None, 0, 3600, -90_000])
def test_a_clock_that_was_set_back_makes_no_event_new(store: Store, clock: Clock, age: int | None) -> None:
    clock.now = 1_700_000_400.0
    event_time = None if age is None else int(clock.now - age)
    finish(store, event(clock, event_time=event_time))
    clock.now -= 500
    assert store.inbox.commit([event(clock, retry_num=1, event_time=event_time)]) == {"Ev1"}


def test_a_new_event_costs_one_look_up(clock: Clock) -> None:
    new = event(clock, event_time=int(clock.now) - 1)
    assert possible_ids(new, clock.now, arrival_ids_until=NEVER) == [seen_id(new)]
    retry = new._replace(retry_num=2)
    assert possible_ids(retry, clock.now + 300, arrival_ids_until=NEVER) == [seen_id(new)]


def test_ids_are_in_the_order_of_the_event_times(clock: Clock) -> None:
    times = [int(clock.now) + number / 1_000_000 for number in range(0, 2_000_000, 10_007)]
    ids = [seen_id(event(clock, f"Ev{number}", event_time=time)) for number, time in enumerate(times)]
    assert ids == sorted(ids)


@given(
    received_at=st.floats(1e9, 4e9),
    delay=st.floats(0, KEPT_SECONDS),
    event_id=st.text(min_size=1, max_size=40),
    age=st.integers(-200_000, 200_000) | st.floats(-200_000, 200_000) | st.none(),
)
def test_a_copy_is_looked_up_under_the_id_of_the_first(
    received_at: float, delay: float, event_id: str, age: float | None
) -> None:
    event_time = None if age is None else int(received_at) - age
    first = StoredEvent(event_id, received_at, "", None, b"", event_time)
    possible = possible_ids(first._replace(retry_num=1), received_at + delay, arrival_ids_until=NEVER)
    assert seen_id(first) in possible
    assert len(possible) < 160
    assert seen_id(first) in possible_ids(first, received_at + min(delay, 600), arrival_ids_until=NEVER)
    assert seen_id(first) >= expired_before(received_at + delay)


@given(received_at=st.floats(1e9, 4e9), delay=st.floats(0, KEPT_SECONDS), age=st.integers(-1000, 100_000))
def test_a_copy_is_looked_up_under_an_id_of_the_first_format(received_at: float, delay: float, age: int) -> None:
    copy = StoredEvent("Ev1", received_at, "", 1, b"", int(received_at) - age)
    assert old_id("Ev1", received_at) in possible_ids(copy, received_at + delay, arrival_ids_until=received_at)


@pytest.mark.parametrize(("hours", "known"), [(0, {"Ev1"}), (1, {"Ev1"}), (25, {"Ev1"}), (26.5, set())])
def test_ids_of_the_first_format_are_known_for_25_hours_and_then_deleted(
    store: Store, clock: Clock, paths: Paths, hours: float, known: set[str]
) -> None:
    event_time = int(clock.now) - 1
    store.close()
    with closing(open_store(*paths)) as other:
        other._engine.commit([], IdSet(SEEN_IDS, [old_id("Ev1", clock.now)]))
    with closing(open_store(*paths, clock=clock)) as store:
        clock.now += hours * HOUR
        assert store.inbox.forget_old() == (not known)
        assert store.inbox.commit([event(clock, retry_num=3, event_time=event_time)]) == known
