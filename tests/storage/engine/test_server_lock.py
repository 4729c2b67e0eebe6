"""A store has only one server, which is named to others that try to start."""

import os
import signal
import time
from collections import Counter
from contextlib import closing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused
from latchkey.storage import open_for_command, open_store
from latchkey.storage.engine.sqlite.locks import server_lock
from latchkey.storage.engine.sqlite.processes import FilePresence, open_processes
from tests.support.stores import READY_SECONDS, Paths, fork_server

ADDRESS = "http://127.0.0.1:8080"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"


def test_a_second_server_is_refused_and_told_which_process_is_the_first(paths: Paths) -> None:
    with closing(open_store(*paths, server_address=ADDRESS)):
        with pytest.raises(StoreRefused) as refused:
            open_store(*paths, server_address="http://127.0.0.1:9090")
        assert f"process {os.getpid()}, which listens on {ADDRESS}" in str(refused.value)
        assert [process.pid for process in open_processes(paths[0])] == [os.getpid()]
    open_store(*paths, server_address=ADDRESS).close()


def test_commands_and_other_programs_open_the_store_beside_its_server(paths: Paths) -> None:
    with closing(open_store(*paths, server_address=ADDRESS)):
        open_for_command(*paths).close()
        open_store(*paths).close()


def test_a_killed_server_leaves_no_lock_and_is_not_named(paths: Paths) -> None:
    open_store(*paths).close()
    context = fork_server(__name__)
    started = context.Event()
    process = context.Process(target=_serve, args=(paths[0], started), daemon=True)
    process.start()
    assert started.wait(READY_SECONDS)
    assert process.pid is not None
    with pytest.raises(StoreRefused, match=f"process {process.pid}"):
        open_store(*paths, server_address=ADDRESS)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with closing(open_store(*paths, server_address=ADDRESS)), pytest.raises(StoreRefused, match=str(os.getpid())):
        open_store(*paths, server_address=ADDRESS)


def test_of_servers_that_start_at_the_same_moment_exactly_one_gets_the_store(paths: Paths) -> None:
    assert _race(paths, processes=4, rounds=50) == {1: 50}


def test_the_lock_is_taken_even_if_the_disk_is_full(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(*paths).close()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with server_lock(paths[0], ADDRESS), pytest.raises(StoreRefused), server_lock(paths[0], ADDRESS):
        pass


def _serve(store: Path, started: object) -> None:
    with closing(FilePresence(store, server_address=ADDRESS)):
        started.set()  # type: ignore[attr-defined]
        time.sleep(READY_SECONDS)


def _race(paths: Paths, *, processes: int, rounds: int) -> Counter[int]:
    """Let processes try to be the server, several times, all at once; returns how often how many succeeded."""
    open_store(*paths).close()
    context = fork_server(__name__)
    barrier, won = context.Barrier(processes), context.Queue()
    racing = [context.Process(target=_try, args=(paths[0], rounds, barrier, won)) for _ in range(processes)]
    for process in racing:
        process.start()
    winners = Counter(number for _ in racing for number in won.get(timeout=READY_SECONDS))
    for process in racing:
        process.join()
    return Counter(winners[number] for number in range(rounds))


def _try(store: Path, rounds: int, barrier: Barrier, won: "Queue[list[int]]") -> None:
    mine = []
    for number in range(rounds):
        barrier.wait(READY_SECONDS)
        presence = None
        try:
            presence = FilePresence(store, server_address=ADDRESS)
            mine.append(number)
        except StoreRefused:
            pass
        barrier.wait(READY_SECONDS)
        if presence is not None:
            presence.close()
    won.put(mine)
