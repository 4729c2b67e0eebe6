"""A store with a record in every table, whose rotations do not wait for calls of other processes."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Outcome, Store, StoredEvent, Undo, open_store
from latchkey.storage.rotation import rotate as rotation
from tests.support.stores import installation


@pytest.fixture
def store(paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(rotation, "SETTLE_SECONDS", 0.05)
    with closing(open_store(*paths)) as store:
        for number in range(30):
            store.installations.save(installation(f"T{number}", bot_token=f"token-{number}"))
        for _ in range(3):
            store.states.issue()
        one, two, three = event("Ev1"), event("Ev2"), event("Ev3")
        store.inbox.commit([one, two, three])
        failed = [Outcome.failed(each, attempts=5, now=time.time()) for each in (two, three)]
        store.inbox.commit(outcomes=[Outcome.retry(one, attempts=1, due_at=time.time()), *failed])
        assert store.event_admin.replay("Ev3")
        store.inbox.commit([event("Ev4")])
        asyncio.run(store.undos.async_put(Undo.of(installation("TREFUSED"), time.time())))
        yield store


def event(event_id: str) -> StoredEvent:
    return StoredEvent(event_id, time.time(), "request", None, b'{"type": "event_callback"}')
