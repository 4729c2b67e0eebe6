"""A store with a record in every table, whose rotations do not wait for calls of other processes."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Attempt, Outcome, Store, StoredEvent, TokenId, Undo, WorkspaceKey, open_store
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
        expiring = {"bot_refresh_token": "refresh", "bot_token_expires_at": int(time.time())}
        store.installations.save(installation("T0", bot_token="token-0", **expiring))
        bot = TokenId(WorkspaceKey.of(None, "T0"))
        pair = store.tokens.pair(bot)
        assert pair is not None
        assert isinstance(store.tokens.begin(bot, pair, time.time()), Attempt)
        asyncio.run(store.undos.async_put(Undo.of(installation("TREFUSED"), time.time())))
        yield store


def event(event_id: str) -> StoredEvent:
    return StoredEvent(event_id, time.time(), "request", None, b'{"type": "event_callback"}')
