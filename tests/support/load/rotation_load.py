"""Writers that run during a rotation: a server that receives events, and an app that saves and deletes installations.

Each write of the app has a number, and stores it with the workspace. So a test detects a lost update by an old number,
and a deleted record that came back by its presence.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import Store, open_store
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.installations.installation_codec import bot_value, installer_value
from latchkey.storage.tables import BOTS, INSTALLATIONS
from tests.support.command_line import ROOT, command_line
from tests.support.load.event_load import Load, journaling

TEAMS = 800
"""Enough of them that a lost update is not overwritten before a test checks for it."""
DELETES_EVERY = 7
"""One write in this many is a deletion. Not a divisor of TEAMS, so that each round deletes other workspaces."""

APP = f"""
import sys
from slack_sdk.oauth.installation_store import Installation
from latchkey.storage import open_store
store = open_store(sys.argv[1], sys.argv[2])
turn = 0
while True:
    turn += 1
    team = f"TAPP{{turn % {TEAMS}}}"
    if turn % {DELETES_EVERY} == 3:
        store.installations.delete_all(enterprise_id=None, team_id=team)
    else:
        store.installations.save(Installation(team_id=team, user_id="U1", bot_token=f"b{{turn}}", bot_id="B",
            bot_user_id="UB", bot_scopes=[], user_token=f"u{{turn}}", installed_at=float(turn)))
    print(turn, flush=True)
"""


SENDERS = 3
"""Fewer than in tests of the inbox, so that the app and the command get more of the processor."""


def deletes(turn: int) -> bool:
    return turn % DELETES_EVERY == 3


@dataclass
class App:
    """The app's process, and the number of its last completed write."""

    process: Process
    turn: int = 0
    error: str = ""
    readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def read_turns(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.turn = int(line)

    async def read_errors(self) -> None:
        assert self.process.stderr is not None
        self.error = (await self.process.stderr.read()).decode()

    def check(self, store: Path, keyring: Path) -> None:
        """Check the app's records while it runs: no completed write may be lost or undone."""
        assert self.process.returncode is None, self.error
        done = self.turn
        with closing(open_store(store, keyring)) as opened:
            found = _turns(opened)
            # Its reports may arrive late. Every write completed by then is in the store now, except that the last
            # one or two may have been deletions.
            last = max(done, *(turn or 0 for turn in _turns(opened).values())) + 2
        for number, turn in found.items():
            before = max(0, done - (done - number) % TEAMS)
            if turn is not None:
                assert turn >= before, f"write {before} is lost: {turn} is there"
                assert turn != before or not deletes(before), f"the record deleted by write {before} is back"
            elif before:
                since = range(before, last + 1, TEAMS)
                assert any(map(deletes, since)), f"write {before} is lost: there is no record"


def _turns(store: Store) -> dict[int, int | None]:
    """Return, by workspace, the number of the write that its bot is from; None if there is none."""
    find = store.installations.find_bot
    found = {number: find(enterprise_id=None, team_id=f"TAPP{number}") for number in range(TEAMS)}
    return {number: None if bot is None else int(bot.installed_at) for number, bot in found.items()}


@dataclass
class Writers:
    """A server and an app that write to one store."""

    load: Load
    app: App
    store: Path
    keyring: Path
    kept: set[str]
    """Workspaces that neither of them changes."""

    def check(self) -> None:
        """Check that every record can be decrypted, and that none is lost or back after its deletion."""
        with closing(open_store(self.store, self.keyring)) as opened:
            findings = opened.keys.verify()
            assert not findings.unreadable, findings.first
            teams, after = set(), ""
            while after is not None:
                page = opened.installations.page(after=after)
                assert not page.unreadable
                teams |= {found.team_id for found in page.installations}
                after = page.after
            assert self.kept <= teams, "a record is lost"
        self.app.check(self.store, self.keyring)

    def stale(self) -> int:
        """Return the number of records that are not encrypted with the primary key."""
        with closing(open_store(self.store, self.keyring)) as opened:
            first = read_keyring(self.keyring).key_ids[0]
            return sum(sum(counts.values()) - counts[first] for counts in opened.keys.use().values())


@asynccontextmanager
async def writers(folder: Path, *, kept: int) -> AsyncIterator[Writers]:
    """Run the server and the app on one store, with `kept` other installations in it."""
    async with journaling(folder, SENDERS) as load:
        store, keyring = load.it.store, folder / "keys" / "keyring"
        teams = await asyncio.to_thread(_fill, store, keyring, kept)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", APP, str(store), str(keyring), cwd=ROOT, stdout=PIPE, stderr=PIPE
        )
        app = App(process)
        app.readers = [asyncio.ensure_future(app.read_turns()), asyncio.ensure_future(app.read_errors())]
        try:
            async with load.flowing():
                yield Writers(load, app, store, keyring, teams)
            await load.settled()
            assert not load.lost()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await asyncio.gather(*app.readers)


def _fill(store: Path, keyring: Path, count: int) -> set[str]:
    """Store bots and installations, many per transaction; returns their workspaces."""
    teams = {f"TKEPT{number}" for number in range(count)}
    with closing(open_store(store, keyring)) as opened:
        changes = []
        for team in sorted(teams):
            made = Installation(team_id=team, user_id="U1", bot_token="b" * 500, bot_id="B", bot_user_id="UB")
            changes.append(opened._records.put(INSTALLATIONS, f"/{team}/U1", installer_value(made, None)))
            changes.append(opened._records.put(BOTS, f"/{team}", bot_value(made.to_bot())))
        assert opened._records.commit(changes)
    return teams


async def command(folder: Path, *arguments: str, program: str | None = None) -> Process:
    """Start an operator's command in this folder."""
    return await asyncio.create_subprocess_exec(
        *command_line(*arguments, program=program),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        stdout=PIPE,
        stderr=PIPE,
    )


def tables(store: Path) -> dict[str, bytes]:
    """Return every encrypted value by its table and id."""
    with closing(sqlite3.connect(store)) as connection:
        return {
            f"{table}:{key}": value
            for table in ("installations", "bots", "workspaces")
            for key, value in connection.execute(f"SELECT key, value FROM {table}")
        }
