"""A steady load of events on a running server; events that get no 200 are sent again, as Slack does."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.simulator import JSON
from latchkey.storage import StoredEvent, acting_as_owner_of, open_store
from tests.support.running import Running, running
from tests.support.stores import failed, unfinished

JOURNAL_APP = """
import os, random
def register(app):
    @app.event("app_mention")
    async def journal(event, context):
        with open("journal", "ab", 0) as file:
            file.write(f"{event['text']} {context['attempt']}\\n".encode())
        if event["text"].endswith("7") and context["attempt"] == 1:
            raise ValueError("fails at the first attempt")
"""
_JOURNAL_BOLT_APP = """
import os, random
from {module} import {kind}
app = {kind}(token="xoxb-own", signing_secret="unused")

@app.event("app_mention")
{prefix}def journal(event, context):
    with open("journal", "ab", 0) as file:
        file.write(f"{{event['text']}} {{context['attempt']}}\\n".encode())
    if event["text"].endswith("7") and context["attempt"] == 1:
        raise ValueError("fails at the first attempt")
"""


@dataclass(frozen=True)
class JournalApp:
    """A listener that writes each event to a journal, and the settings with which the server runs it."""

    text: str
    environment: dict[str, str]


_MOUNTED = {"LATCHKEY_LISTENERS_MODULES": "", "LATCHKEY_BOLT_APP": "journal_app:app"}
NATIVE = JournalApp(JOURNAL_APP, {"LATCHKEY_LISTENERS_MODULES": "journal_app"})
ASYNC_APP = JournalApp(
    _JOURNAL_BOLT_APP.format(module="slack_bolt.async_app", kind="AsyncApp", prefix="async "), _MOUNTED
)
SYNC_APP = JournalApp(_JOURNAL_BOLT_APP.format(module="slack_bolt", kind="App", prefix=""), _MOUNTED)
SENDERS = 12
PAUSE_SECONDS = 0.02
"""Between two deliveries of one event; Slack waits a second, a minute, five minutes."""


@asynccontextmanager
async def journaling(folder: Path, senders: int = SENDERS, app: JournalApp = NATIVE) -> AsyncIterator[Load]:
    """Run a server whose listener writes each event to a journal; the load is not started yet."""
    (folder / "journal_app.py").write_text(app.text)
    (folder / "journal").touch()
    async with running(folder, environment=app.environment) as it:
        assert await it.install() == 200
        yield Load(it, senders)


@dataclass
class Load:
    """The events sent, the responses, and the runs of the listener."""

    it: Running
    senders: int = SENDERS
    """How many events are sent at once."""
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    """The bodies of the events that got a 200, by text."""
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_refusal: float = 0.0
    """Milliseconds until a 503."""
    slowest: float = 0.0
    """Milliseconds until any response."""
    duplicates: int = 0
    """Duplicates of acknowledged events that were sent and got a 200."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _stopping: bool = False

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send events inside the block; returns after each of them got its 200."""
        self._stopping = False
        senders = [asyncio.ensure_future(self._send_all()) for _ in range(self.senders)]
        try:
            yield
            self._stopping = True
            await asyncio.wait_for(asyncio.gather(*senders), 30)
        finally:
            for sender in senders:
                sender.cancel()

    async def _send_all(self) -> None:
        while not self._stopping:
            text = f"number-{next(self._numbers)}"
            workspace = self.it.slack.workspace()
            event = {"type": "app_mention", "user": "U0ALICE", "text": text, "channel": workspace.channel_id}
            body = self.it.slack.sender.event_body(workspace, event)
            for retry in itertools.count():
                if await self._send(body, retry or None) == 200:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
            self.acknowledged[text] = body
            if self.chance.random() < 0.2:
                other = self.acknowledged[self.chance.choice(list(self.acknowledged))]
                self.duplicates += await self._send(other, 1) == 200

    async def _send(self, body: bytes, retry: int | None) -> int:
        response = await self.it.slack.sender.send("event", body, JSON, retry=retry)
        self.statuses[response.status] += 1
        self.slowest = max(self.slowest, response.milliseconds)
        if response.status == 503:
            self.slowest_refusal = max(self.slowest_refusal, response.milliseconds)
        return response.status

    def runs(self) -> Counter[str]:
        """Return how many times the listener of each event has run."""
        lines = (self.it.server.folder / "journal").read_text().splitlines()
        return Counter(line.split()[0] for line in lines)

    async def settled(self) -> None:
        """Wait until the inbox is empty; no event may fail for the last time."""
        deadline = time.monotonic() + 30
        while left := len(self.unfinished()):
            assert time.monotonic() < deadline, f"{left} events are unfinished"
            await asyncio.sleep(0.1)

    def unfinished(self) -> set[str]:
        """Return the texts of the events whose outcome is not on disk."""
        folder = self.it.server.folder
        with (
            acting_as_owner_of(self.it.store),
            closing(open_store(self.it.store, folder / "keys" / "keyring")) as store,
        ):
            assert not failed(store)
            events = [event for event in unfinished(store) if isinstance(event, StoredEvent)]
        return {event.body.split(b'"text": "')[1].split(b'"')[0].decode() for event in events}

    def lost(self) -> set[str]:
        return set(self.acknowledged) - set(self.runs())
