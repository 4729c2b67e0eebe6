"""Several servers on one database, as behind a load balancer, and a load that any of them may get."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from latchkey.simulator import Browser, DemoCheck, ServerDied, ServerProcess, Slack
from latchkey.slackapi.requests import sign
from latchkey.slackapi.scopes import describe_scope
from tests.support.database.postgresql import Postgresql

JOURNAL_APP = """
import asyncio, os, random
JOURNAL = os.open({journal!r}, os.O_WRONLY | os.O_APPEND)
SERVER = {server!r}
def register(app):
    @app.event("app_mention")
    async def journal(event, context):
        os.write(JOURNAL, f"{{event['text']}} {{event['channel']}} {{context['attempt']}} {{SERVER}}\\n".encode())
        await asyncio.sleep(random.random() * 0.02)
"""
CLIENTS = 8
PAUSE_SECONDS = 0.05
"""Between two deliveries of an event; Slack waits a second, a minute, five minutes."""
SEND_SECONDS = 3.0
"""How long Slack waits for a response."""


class Run(NamedTuple):
    """One run of the listener."""

    text: str
    channel: str
    attempt: int
    server: str


@dataclass
class Cluster:
    """The servers, what was acknowledged, and what has run."""

    folder: Path
    servers: list[ServerProcess]
    slack: Slack
    postgresql: Postgresql
    database: str
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    acknowledged: dict[str, float] = field(default_factory=dict)
    """When each event got its 200, by text."""
    statuses: Counter[int] = field(default_factory=Counter)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def flowing(self, clients: int = CLIENTS) -> AsyncIterator[None]:
        """Send events inside the block, each again until a server has acknowledged it, and then the channel's next."""
        stopping = asyncio.Event()
        senders = [asyncio.ensure_future(self._send_all(stopping, client)) for client in range(clients)]
        try:
            yield
            stopping.set()
            await asyncio.wait_for(asyncio.gather(*senders), 60)
        finally:
            for sender in senders:
                sender.cancel()

    async def send(self, body: bytes, retry: int | None = None, server: ServerProcess | None = None) -> int:
        """Deliver an event to a server; returns the status, 599 if there was no response."""
        server = server or self.chance.choice(self.servers)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(server.credentials["SLACK_SIGNING_SECRET"], timestamp, body),
        }
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        request = HTTPRequest(
            f"http://127.0.0.1:{server.port}/slack/events", "POST", headers, body, request_timeout=SEND_SECONDS
        )
        try:
            status = (await AsyncHTTPClient().fetch(request, raise_error=False)).code
        except (OSError, HTTPClientError):
            status = 599
        self.statuses[status] += 1
        return status

    def event(self, text: str, channel: str) -> bytes:
        workspace = self.slack.workspace()
        return self.slack.sender.event_body(
            workspace, {"type": "app_mention", "user": "U0ALICE", "text": text, "channel": channel}
        )

    def keyring_of(self, server: ServerProcess) -> Path:
        return server.folder / "keys" / "keyring"

    def copy_keyring(self, source: ServerProcess, target: ServerProcess) -> None:
        """Copy the keyring from one machine to another, as an operator does."""
        path = self.keyring_of(target)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(self.keyring_of(source), path.with_name("copying"))
        path.with_name("copying").replace(path)

    async def start(self, server: ServerProcess) -> None:
        """Start a server, as systemd does: again, if the database was away."""
        for _ in range(20):
            try:
                await server.start(self.slack)
            except ServerDied:
                await asyncio.sleep(0.5)
            else:
                return
        raise AssertionError(server.last_lines(30))

    def runs(self) -> list[Run]:
        lines = (self.folder / "journal").read_text().splitlines()
        return [Run(text, channel, int(attempt), server) for text, channel, attempt, server in map(str.split, lines)]

    def run_counts(self) -> Counter[str]:
        return Counter(run.text for run in self.runs())

    def lost(self) -> set[str]:
        return set(self.acknowledged) - {run.text for run in self.runs()}

    def unfinished(self) -> int:
        """Return the number of records of unfinished events."""
        counts = "(SELECT count(*) FROM inbox) + (SELECT count(*) FROM retries) + (SELECT count(*) FROM replays)"
        return int(self.postgresql.sql(f"SET search_path = latchkey; SELECT {counts}", self.database))

    async def settled(self, seconds: float = 60) -> None:
        """Return once no event is unfinished."""
        deadline = time.monotonic() + seconds
        while left := self.unfinished():
            assert time.monotonic() < deadline, f"{left} records of unfinished events are left"
            await asyncio.sleep(0.2)

    def out_of_order(self) -> list[tuple[Run, Run]]:
        """Return the pairs of first runs in one channel whose events were sent in the other order."""
        first: dict[str, list[Run]] = defaultdict(list)
        seen = set()
        for run in self.runs():
            if run.text not in seen:
                seen.add(run.text)
                first[run.channel].append(run)
        return [
            (one, two)
            for runs in first.values()
            for one, two in itertools.pairwise(runs)
            if _number(one.text) > _number(two.text)
        ]

    async def _send_all(self, stopping: asyncio.Event, client: int) -> None:
        while not stopping.is_set():
            number = next(self._numbers)
            body = self.event(f"number-{number}", f"C{client:02d}{number % 5}")
            for retry in itertools.count():
                if await self.send(body, retry) == 200:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
            self.acknowledged[f"number-{number}"] = time.monotonic()


@asynccontextmanager
async def cluster(
    folder: Path,
    postgresql: Postgresql,
    count: int,
    *,
    environment: dict[str, str] | None = None,
    own_keyrings: bool = False,
) -> AsyncIterator[Cluster]:
    """Run servers on a new database, and end each by its own process id.

    They share a keyring, or, with `own_keyrings`, each has a copy of its own, as on machines of their own.
    """
    database = postgresql.new_database()
    (folder / "journal").touch()
    servers: list[ServerProcess] = []
    for number in range(count):
        home = folder / f"server-{number}"
        home.mkdir()
        (home / "journal_app.py").write_text(
            JOURNAL_APP.format(journal=str(folder / "journal"), server=f"server-{number}")
        )
        options = {
            "LATCHKEY_LISTENERS_MODULES": "journal_app",
            "LATCHKEY_STORAGE_URL": postgresql.url(database),
            "LATCHKEY_STORAGE_KEYRING": str((home if own_keyrings else folder) / "keys" / "keyring"),
            **(environment or {}),
        }
        server = ServerProcess(home, environment=options)
        servers.append(server)
        server.credentials = servers[0].credentials
    slack = servers[0].make_slack(describe_scope=describe_scope)
    slack.start()
    running = Cluster(folder, servers, slack, postgresql, database)
    try:
        for server in servers:
            if own_keyrings and server is not servers[0]:
                running.copy_keyring(servers[0], server)
            await server.start(slack)
        browser = Browser()
        check = DemoCheck(server, slack)
        await browser.open(slack.approve(await check.begin_install(browser), "T0ACME"))
        browser.close()
        yield running
    finally:
        for server in servers:
            if server.is_running():
                await asyncio.to_thread(server.kill)
        await slack.close()
        postgresql.give_back(database)


def _number(text: str) -> int:
    return int(text.rpartition("-")[2])
