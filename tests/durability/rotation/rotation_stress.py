"""A process that writes to a store as a server does and one that rotates its keys, both as fast as they can."""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import NamedTuple

from latchkey.storage import Outcome, Store, StoredEvent, open_for_command, open_store
from latchkey.storage.rotation import rotate
from tests.support.stores import READY_SECONDS, Paths, fork_server, installation

TEAMS = 1500
EVENTS_PER_COMMIT = 4


class RotationStressResult(NamedTuple):
    """What the processes did, and what the store is like afterwards."""

    commits: int
    rotations: int
    reencrypted: int
    lost: int
    """Installations older than the last one saved, and events that are neither finished nor in the inbox."""
    unreadable: int


class _Written(NamedTuple):
    """What the writer did."""

    commits: int
    unfinished: list[str]
    """The ids of the events without an outcome."""


def rotation_stress(paths: Paths, seconds: float) -> RotationStressResult:
    """Run both processes on a new store; raises StoreUnavailable if a page is damaged afterwards."""
    open_store(*paths).close()
    context = fork_server(__name__)
    ready, stop = context.Barrier(3), context.Event()
    written: Queue[_Written] = context.Queue()
    rotated: Queue[list[int]] = context.Queue()
    processes = [
        context.Process(target=_write, args=(*paths, ready, stop, written), daemon=True),
        context.Process(target=_rotate, args=(*paths, ready, stop, rotated), daemon=True),
    ]
    for process in processes:
        process.start()
    ready.wait(READY_SECONDS)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(process.is_alive() for process in processes):
        time.sleep(0.1)
    stop.set()
    done, rotations = written.get(timeout=60), rotated.get(timeout=60)
    for process in processes:
        process.join()
    with closing(open_store(*paths)) as store:
        store.check_pages()
        unreadable = store.keys.verify().unreadable
        lost = _lost(store, done)
    return RotationStressResult(done.commits, len(rotations), sum(rotations), lost, unreadable)


def _write(store_path: Path, keyring: Path, ready: Barrier, stop: Event, written: Queue[_Written]) -> None:
    """Receive events, finish those of the commit before, and save an installation, in two commits each time."""
    events: list[StoredEvent] = []
    with closing(open_store(store_path, keyring)) as store:
        ready.wait(READY_SECONDS)
        for number in itertools.count(1):
            if stop.is_set():
                break
            outcomes = [Outcome.done(event) for event in events]
            events = [
                StoredEvent(f"Ev{number}-{item}", time.time(), "", None, b'{"text": "%d"}' % number)
                for item in range(EVENTS_PER_COMMIT)
            ]
            store.inbox.commit(events, outcomes)
            store.installations.save(installation(f"T{number % TEAMS}", installed_at=float(number)))
    written.put(_Written(2 * (number - 1), [event.event_id for event in events]))


def _rotate(store_path: Path, keyring: Path, ready: Barrier, stop: Event, rotated: Queue[list[int]]) -> None:
    rotate.SETTLE_SECONDS = 0.0  # type: ignore[misc]
    counts = []
    ready.wait(READY_SECONDS)
    while not stop.is_set():
        with closing(open_for_command(store_path, keyring)) as store:
            result = store.keys.rotate()
            counts.append(result.reencrypted)
            for key_id in result.retired:
                store.keys.retire(key_id, {}, confirm=lambda needed: None)
    rotated.put(counts)


def _lost(store: Store, done: _Written) -> int:
    saved = done.commits // 2
    lost = 0
    for number in range(max(1, saved - TEAMS + 1), saved + 1):
        bot = store.installations.find_bot(enterprise_id=None, team_id=f"T{number % TEAMS}")
        lost += bot is None or bot.installed_at != float(number)
    return lost + len({event.event_id for event in store.inbox.recover()} ^ set(done.unfinished))
