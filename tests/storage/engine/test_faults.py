"""What happens to the store when its file, its disk or its lock is taken away: an error in time, and well again after."""

import asyncio
import os
import resource
import shutil
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import StoreError, StoreUnavailable
from latchkey.storage import Store, open_store

DEADLINE = 2.5
"""Seconds within which every call answers: Slack waits for 3."""

Paths = tuple[Path, Path]


def installation(team_id: str = "T1") -> Installation:
    return Installation(
        team_id=team_id, user_id="U1", bot_token="xoxb-1", bot_id="B1", bot_user_id="UB1", bot_scopes=[]
    )


def find(store: Store, team_id: str = "T1") -> Bot | None:
    return store.installations.find_bot(enterprise_id=None, team_id=team_id)


def fails(call: Callable[[], object], *reasons: str) -> None:
    """The call raises StoreUnavailable for one of these reasons, within the deadline."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        call()
    assert caught.value.reason in reasons
    assert time.monotonic() - begun < DEADLINE


@contextmanager
def locked_by_another(path: Path, kind: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=NORMAL")
        other.execute(f"BEGIN {kind}")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_locked_store_reads_refuses_writes_in_time_and_recovers(store: Store, paths: Paths, kind: str) -> None:
    store.installations.save(installation())
    with locked_by_another(paths[0], kind):
        assert find(store) is not None
        assert store.installations.page().installations
        fails(lambda: store.installations.save(installation("T2")), "locked")
        fails(store.ready, "locked")
    store.installations.save(installation("T2"))
    store.ready()


def test_locked_store_does_not_block_the_event_loop(store: Store, paths: Paths) -> None:
    async def walk() -> float:
        longest, last = 0.0, time.monotonic()
        writes = asyncio.gather(
            *(store.installations.async_save(installation(f"T{number}")) for number in range(20)),
            store.async_ready(),
            return_exceptions=True,
        )
        while not writes.done():
            await asyncio.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        answers = await writes
        assert all(isinstance(answer, StoreUnavailable) for answer in answers)
        return longest

    begun = time.monotonic()
    with locked_by_another(paths[0], "IMMEDIATE"):
        stall = asyncio.run(walk())
        assert time.monotonic() - begun < DEADLINE
    assert stall < 0.5
    store.ready()


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """No file of this process may grow beyond what the store's -wal has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_store_on_a_full_disk_reads_refuses_writes_and_recovers(store: Store, paths: Paths) -> None:
    store.installations.save(installation())
    with full_disk(paths[0]):
        for number in range(5):
            fails(lambda number=number: store.installations.save(installation(f"F{number}")), "full", "io")  # type: ignore[misc]
        fails(store.ready, "full", "io")
        assert find(store) is not None
    store.installations.save(installation("T2"))
    store.ready()
    assert {item.team_id for item in store.installations.page().installations} == {"T1", "T2"}


def filled(paths: Paths, number: int = 300) -> None:
    store = open_store(*paths)
    for team in range(number):
        store.installations.save(installation(f"T{team:04d}"))
    store.close()


def test_damaged_page_fails_its_own_reads_in_time_and_is_remembered(paths: Paths) -> None:
    filled(paths)
    page = 4096
    with open(paths[0], "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for offset in range(size // 2 // page * page, size - 2 * page, page):
            file.seek(offset)
            file.write(b"\xff" * page)
    try:
        store = open_store(*paths)
    except StoreError:
        return  # refused at the start is as good
    failed = 0
    for team in range(300):
        begun = time.monotonic()
        try:
            find(store, f"T{team:04d}")
        except StoreUnavailable as error:
            assert error.reason == "damaged"
            failed += 1
        assert time.monotonic() - begun < DEADLINE
    assert failed
    for _ in range(2):
        fails(store.ready, "damaged")
    store.close()


def test_engine_has_no_thread_that_could_die(store: Store) -> None:
    """sqlitedict runs its connection in a thread, and waits without limit once that thread is dead."""
    before = threading.active_count()
    store.installations.save(installation())
    assert threading.active_count() == before


def test_connection_that_is_never_released_fails_every_call_in_time(store: Store) -> None:
    """As when the kernel does not return from a write on a dead disk."""
    engine = store._engine
    engine._writer._lock.acquire()
    fails(lambda: store.installations.save(installation()), "timeout")
    fails(store.ready, "timeout")
    assert find(store) is None
    engine._reader._lock.acquire()
    fails(lambda: find(store, "T2"), "timeout")
    engine._writer._lock.release()
    engine._reader._lock.release()
    store.installations.save(installation())
    store.ready()


def test_blocked_threads_fail_async_calls_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(store.installations, "find_bot", lambda **_: given_back.wait(30))

    async def walk() -> list[object]:
        return await asyncio.gather(
            *(store.installations.async_find_bot(enterprise_id=None, team_id="T1") for _ in range(12)),
            return_exceptions=True,
        )

    begun = time.monotonic()
    try:
        answers = asyncio.run(walk())
        assert time.monotonic() - begun < DEADLINE + 0.3
    finally:
        given_back.set()
    assert all(isinstance(answer, StoreUnavailable) and answer.reason == "timeout" for answer in answers)


def test_error_in_a_call_fails_only_that_call(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store._engine._writer.transaction():
        raise ZeroDivisionError
    with pytest.raises(SystemExit), store._engine._writer.transaction():
        raise SystemExit
    store.installations.save(installation())
    assert find(store) is not None


def test_id_that_is_not_text_fails_only_its_own_call(store: Store, paths: Paths) -> None:
    """It kills sqlitedict's thread as soon as anybody lists the keys."""
    store.installations.save(installation())
    with closing(sqlite3.connect(paths[0], isolation_level=None)) as other:
        for table in ("installations", "states"):
            other.execute(f"INSERT INTO {table} VALUES (CAST(x'ff2f2f' AS TEXT), x'00')")
    page = store.installations.page(limit=1)
    last = store.installations.page(after=page.after or "", limit=1)
    assert [item.team_id for item in page.installations] == ["T1"]
    assert len(last.unreadable) == 1
    assert store.installations.page(after=last.after or "x", limit=1).after is None
    assert store.states.consume(store.states.issue())


def test_store_made_read_only_refuses_writes_and_recovers(store: Store, paths: Paths) -> None:
    store.installations.save(installation())
    paths[0].chmod(0o400)
    fails(lambda: store.installations.save(installation("T2")), "read-only")
    fails(store.ready, "read-only")
    paths[0].chmod(0o600)
    store.installations.save(installation("T2"))
    store.ready()


def test_replaced_store_is_detected_and_not_written_to(store: Store, paths: Paths, tmp_path: Path) -> None:
    store.installations.save(installation())
    other = tmp_path / "other.sqlite"
    shutil.copy(paths[0], other)
    paths[0].rename(tmp_path / "kept.sqlite")
    fails(lambda: store.installations.save(installation("T2")), "missing")
    fails(store.ready, "missing")
    other.rename(paths[0])
    before = paths[0].read_bytes()
    fails(lambda: store.installations.save(installation("T2")), "replaced")
    fails(store.ready, "replaced")
    assert paths[0].read_bytes() == before
    (tmp_path / "kept.sqlite").rename(paths[0])
    store.installations.save(installation("T2"))
    store.ready()


def test_truncated_store_is_detected(store: Store, paths: Paths) -> None:
    store.installations.save(installation())
    os.truncate(paths[0], 0)
    fails(lambda: store.installations.save(installation("T2")), "damaged")
    fails(store.ready, "damaged")


def test_closed_store_raises(paths: Paths) -> None:
    store = open_store(*paths)
    store.close()
    store.close()
    fails(lambda: find(store), "closed")
    with pytest.raises(StoreUnavailable):
        asyncio.run(store.async_ready())


def test_forked_child_is_refused_at_once(store: Store) -> None:
    """SQLite's connection must not be used across a fork; sqlitedict's child hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is just what is tested
        child = os.fork()
    if child == 0:
        try:
            find(store)
        except StoreUnavailable as error:
            os._exit(0 if error.reason == "forked" else 2)
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_ready_writes_at_most_once_a_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = 0
    commit = store._engine.commit

    def counted(*arguments: Any) -> bool:
        nonlocal commits
        commits += 1
        return commit(*arguments)

    monkeypatch.setattr(store._engine, "commit", counted)
    for _ in range(50):
        store.ready()
    assert commits == 1


def test_commit_is_synced_and_deleted_content_is_overwritten(store: Store) -> None:
    """FULL is 2: less may lose an acknowledged write when the power goes. secure_delete zeroes old ciphertext."""
    for connection in (store._engine._writer, store._engine._reader):
        values = [
            connection.select_one(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous", "secure_delete")
        ]
        assert values == ["wal", 2, 1]


def test_deleted_ciphertext_is_gone_after_a_checkpoint(paths: Paths) -> None:
    store = open_store(*paths)
    store.installations.save(installation())
    sealed = [store._engine.get("bots", "/T1"), store._engine.get("installations", "/T1/U1")]
    store.installations.delete_all(enterprise_id=None, team_id="T1")
    store.close()
    content = paths[0].read_bytes()
    assert all(value is not None and value[20:] not in content for value in sealed)
