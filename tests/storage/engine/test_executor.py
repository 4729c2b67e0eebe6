"""The executor: every call has a timeout, every call is reported, and cancellation is never lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage import StoredEvent, open_store
from latchkey.storage.engine.executor import Executor


def test_cancels_a_call_whose_result_has_just_arrived() -> None:
    """Otherwise a loop of such calls goes on after the server was stopped."""

    async def use() -> None:
        executor = Executor("test", threads=1)
        for turns in range(4):
            task = asyncio.ensure_future(executor.run("test", lambda: "done"))
            await asyncio.sleep(0)
            time.sleep(0.02)  # the thread has finished, and the loop has not noticed yet
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            pytest.fail("no call has ended by itself")
        executor.close()

    asyncio.run(use())


def test_slow_call_fails_at_its_timeout_and_the_one_queued_behind_it_never_runs() -> None:
    ran: list[str] = []

    async def use() -> None:
        executor = Executor("test", threads=1, timeout=0.1)
        slow = asyncio.ensure_future(executor.run("slow", time.sleep, 0.4))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="in time"):
            await executor.run("late", ran.append, "too late")
        with pytest.raises(StoreUnavailable):
            await slow
        await asyncio.sleep(0.5)
        executor.close()

    asyncio.run(use())
    assert ran == []


def test_closed_executor_refuses_calls() -> None:
    async def use() -> None:
        executor = Executor("test", threads=1)
        executor.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await executor.run("test", lambda: None)

    asyncio.run(use())


def test_observer_gets_the_name_duration_and_error_of_each_call() -> None:
    seen: list[tuple[str, float, Exception | None]] = []
    failure = StoreUnavailable("locked", "x")

    def fail() -> None:
        raise failure

    async def use() -> None:
        executor = Executor("test", threads=1)
        executor.on_call = lambda call, seconds, error: seen.append((call, seconds, error))
        await executor.run("run", time.sleep, 0.02)
        await executor.submit("submit", time.sleep, 0.02)
        with pytest.raises(StoreUnavailable):
            await executor.run("run", fail)
        with pytest.raises(StoreUnavailable):
            await executor.submit("submit", fail)
        executor.close()
        with pytest.raises(StoreUnavailable):
            executor.submit("submit", fail)

    asyncio.run(use())
    assert [(call, error) for call, _, error in seen[:4]] == [
        ("run", None),
        ("submit", None),
        ("run", failure),
        ("submit", failure),
    ]
    assert all(0.02 <= seconds < 1 for _, seconds, _ in seen[:2])
    assert isinstance(seen[4][2], StoreUnavailable)
    assert seen[4][2].reason == "closed"


def test_store_reports_every_call_from_the_event_loop(tmp_path: Path) -> None:
    seen: list[str] = []

    async def use() -> None:
        store = open_store(tmp_path / "latchkey.sqlite3", tmp_path / "keyring")
        store.observe(lambda call, _seconds, _error: seen.append(call))
        event = StoredEvent("Ev1", 1.0, "r", None, b"{}")
        calls: list[Callable[[], Awaitable[object]]] = [
            store.states.async_issue,
            lambda: store.states.async_consume("0" * 51),
            lambda: store.installations.async_find_bot(enterprise_id=None, team_id="T1"),
            lambda: store.installations.async_find_installation(enterprise_id=None, team_id="T1"),
            lambda: store.installations.async_remove_revoked(None, "T1"),
            lambda: store.inbox.async_commit([event], []),
            store.inbox.async_take_replays,
            store.inbox.async_forget_old,
            store.async_ready,
        ]
        for call in calls:
            await call()
        store.close()

    asyncio.run(use())
    assert seen == [
        "issue_state",
        "consume_state",
        "find_bot",
        "find_installation",
        "remove_revoked",
        "commit_events",
        "take_replays",
        "forget_old",
        "ready",
    ]
