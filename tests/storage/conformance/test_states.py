"""OAuth states: each is good once, for ten minutes, in whatever way it is shown."""

import asyncio
import multiprocessing
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey.storage import Store, open_store
from latchkey.storage.engine import Executor
from latchkey.storage.records import Stored
from latchkey.storage.states import EXPIRATION_SECONDS, SWEEP_LIMIT, States
from latchkey.storage.tables import STATES
from tests.storage.conformance.conftest import Paths
from tests.support.clocks import Clock


def test_state_is_valid_once(store: Store) -> None:
    state = store.states.issue()
    assert store.states.consume(state)
    assert not store.states.consume(state)


@pytest.mark.parametrize(("age", "good"), [(0, True), (EXPIRATION_SECONDS - 1, True), (EXPIRATION_SECONDS, False)])
def test_state_is_valid_for_ten_minutes(store: Store, clock: Clock, age: int, good: bool) -> None:
    state = store.states.issue()
    clock.now += age
    assert store.states.consume(state) is good


def test_expired_state_is_consumed_even_if_the_clock_steps_back(store: Store, clock: Clock) -> None:
    state = store.states.issue()
    clock.now += EXPIRATION_SECONDS
    assert not store.states.consume(state)
    clock.now -= EXPIRATION_SECONDS
    assert not store.states.consume(state)


@pytest.mark.gen_test
@pytest.mark.parametrize(("seconds", "age", "good"), [(60, 59, True), (60, 60, False), (3600, 3599, True)])
@pytest.mark.parametrize("steps_back", [False, True])
async def test_state_is_valid_for_the_time_that_it_was_issued_for(
    store: Store, clock: Clock, seconds: int, age: int, good: bool, steps_back: bool
) -> None:
    machine = Clock(5000.0)
    states = States(store._records, Executor("states", threads=1), clock, machine)
    state = await states.async_issue_with({}, "", seconds)
    machine.now += age
    clock.now += -86400 if steps_back else age
    assert states.consume(state) is good


def test_used_state_stays_used_if_the_clock_steps_back(store: Store, clock: Clock) -> None:
    state = store.states.issue()
    assert store.states.consume(state)
    clock.now -= 3600
    assert not store.states.consume(state)


@pytest.mark.parametrize(
    ("uptime", "later", "good"),
    [
        (5000.0, 5000.0 + EXPIRATION_SECONDS - 1, True),
        (5000.0, 5000.0 + EXPIRATION_SECONDS, False),
        (5000.0, 30.0, True),
        (5000.0, float(EXPIRATION_SECONDS), False),
    ],
    ids=["before", "after", "soon after a reboot", "long after a reboot"],
)
def test_state_lives_no_longer_if_the_clock_steps_back(
    store: Store, clock: Clock, uptime: float, later: float, good: bool
) -> None:
    machine = Clock(uptime)
    states = States(store._records, Executor("states", threads=1), clock, machine)
    state = states.issue()
    clock.now -= 86400
    machine.now = later
    assert states.consume(state) is good


def test_state_of_an_earlier_version_is_valid_for_ten_minutes(store: Store, clock: Clock) -> None:
    states = [store.states.issue() for _ in range(2)]
    for record in store._records.page(STATES):
        assert isinstance(record, Stored)
        value = {"expires_at": record.value["expires_at"]}
        assert store._records.commit([store._records.replace(STATES, record, record.record_id, value)])
    clock.now += EXPIRATION_SECONDS - 1
    assert store.states.consume(states[0])
    clock.now += 1
    assert not store.states.consume(states[1])


@pytest.mark.parametrize(
    "state", ["", "x", "../../etc/passwd", "\0", "a" * 5000, "é" * 51, "0" * 51, None, 7, "f" * 8 + "A" * 43]
)
def test_refuses_a_state_that_was_never_issued(store: Store, state: str) -> None:
    assert not store.states.consume(state)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(position=st.integers(0, 50), letter=st.sampled_from("0123456789abcdefXYZ_-"))
def test_refuses_a_changed_state(store: Store, position: int, letter: str) -> None:
    state = store.states.issue()
    changed = state[:position] + letter + state[position + 1 :]
    assert store.states.consume(changed) is (changed == state)


def test_only_one_of_fifty_threads_consumes_a_state(store: Store) -> None:
    state = store.states.issue()
    barrier = threading.Barrier(50)
    answers: list[bool] = []

    def show() -> None:
        barrier.wait()
        answers.append(store.states.consume(state))

    threads = [threading.Thread(target=show) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(True) == 1
    assert len(answers) == 50


def _show(paths: Paths, states: list[str], barrier: object, answers: object) -> None:
    store = open_store(*paths)
    barrier.wait()  # type: ignore[attr-defined]
    answers.put([store.states.consume(state) for state in states])  # type: ignore[attr-defined]
    store.close()


def test_three_processes_consume_each_state_once(store: Store, paths: Paths) -> None:
    spawn = multiprocessing.get_context("spawn")
    fresh = open_store(*paths)
    states = [fresh.states.issue() for _ in range(30)]
    fresh.close()
    barrier, answers = spawn.Barrier(3), spawn.Queue()
    workers = [spawn.Process(target=_show, args=(paths, states, barrier, answers)) for _ in range(3)]
    for worker in workers:
        worker.start()
    results = [answers.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert [sum(shown) for shown in zip(*results, strict=True)] == [1] * 30


def test_states_are_unique(store: Store) -> None:
    assert len({store.states.issue() for _ in range(200)}) == 200


def test_expired_states_are_deleted_and_others_stay(store: Store, clock: Clock) -> None:
    for _ in range(SWEEP_LIMIT + 20):
        store.states.issue()
    clock.now += EXPIRATION_SECONDS + 1
    young = store.states.issue()
    clock.now += 1
    store.states.issue()
    assert store._engine.count("states") == 2
    assert store.states.consume(young)


def test_async_methods_do_the_same(store: Store) -> None:
    async def walk() -> list[bool]:
        state = await store.states.async_issue()
        return await asyncio.gather(*(store.states.async_consume(state) for _ in range(20)))

    assert sum(asyncio.run(walk())) == 1
