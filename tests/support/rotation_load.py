"""Writers beside a rotation: a server that takes events, and an app of its own that saves and deletes installations.

Which of the app's writes are on disk at any moment is known: each has a number, and number and workspace are in what
it stores. So a lost update shows itself by its age, and a deleted record that comes back by its being there.
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
from tests.support.command_line import ROOT
from tests.support.event_load import Load, journaling

TEAMS = 1500
"""So many that what is lost is not written anew before somebody looks."""
DELETES_EVERY = 7
"""Of so many writes one is a deletion; no divisor of TEAMS, so that it is another workspace's each time round."""

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


def deletes(turn: int) -> bool:
    return turn % DELETES_EVERY == 3


@dataclass
class App:
    """The app's process, and the last of its writes that it says is done."""

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
        """Look at all that it has stored, while it goes on: nothing that it was told is done may be undone."""
        assert self.process.returncode is None, self.error
        done = self.turn
        with closing(open_store(store, keyring)) as opened:
            found = _turns(opened)
            # What it says of itself may reach us late. All that it had done by then is in the store now, but that
            # its last write or two may have been deletions.
            last = max(done, *(turn or 0 for turn in _turns(opened).values())) + 2
        for number, turn in found.items():
            before = max(0, done - (done - number) % TEAMS)
            if turn is not None:
                assert turn >= before, f"write {before} is lost: {turn} is back"
                assert turn != before or not deletes(before), f"what write {before} has deleted is back"
            elif before:
                since = range(before, last + 1, TEAMS)
                assert any(map(deletes, since)), f"write {before} is lost: nothing is there"


def _turns(store: Store) -> dict[int, int | None]:
    """Return, by workspace, the number of the write that its bot is from; None where there is none."""
    found = {number: store._records.read(BOTS, f"/TAPP{number}") for number in range(TEAMS)}
    return {number: None if bot is None else int(bot.value["installed_at"]) for number, bot in found.items()}


@dataclass
class Beside:
    """A store with a server and an app at work on it."""

    load: Load
    app: App
    store: Path
    keyring: Path
    kept: set[str]
    """Workspaces that nobody writes to."""

    def check(self) -> None:
        """Every record opens under the keyring's keys, and nothing is lost or back."""
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
        """How many records are not under the keyring's first key."""
        with closing(open_store(self.store, self.keyring)) as opened:
            first = read_keyring(self.keyring).key_ids[0]
            return sum(sum(counts.values()) - counts[first] for counts in opened.keys.use().values())


@asynccontextmanager
async def writers(folder: Path, *, kept: int) -> AsyncIterator[Beside]:
    """Run the server and the app on one store that holds so many other installations as well."""
    async with journaling(folder) as load:
        store, keyring = load.it.store, folder / "keys" / "keyring"
        teams = await asyncio.to_thread(_fill, store, keyring, kept)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", APP, str(store), str(keyring), cwd=ROOT, stdout=PIPE, stderr=PIPE
        )
        app = App(process)
        app.readers = [asyncio.ensure_future(app.read_turns()), asyncio.ensure_future(app.read_errors())]
        try:
            async with load.flowing():
                yield Beside(load, app, store, keyring, teams)
            await load.settled()
            assert not load.lost()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await asyncio.gather(*app.readers)


def _fill(store: Path, keyring: Path, count: int) -> set[str]:
    """Store so many bots and installations, many at once."""
    teams = {f"TKEPT{number}" for number in range(count)}
    with closing(open_store(store, keyring)) as opened:
        changes = []
        for team in sorted(teams):
            made = Installation(team_id=team, user_id="U1", bot_token="b" * 500, bot_id="B", bot_user_id="UB")
            changes.append(opened._records.put(INSTALLATIONS, f"/{team}/U1", installer_value(made, None)))
            changes.append(opened._records.put(BOTS, f"/{team}", bot_value(made.to_bot())))
        assert opened._records.commit(changes)
    return teams


async def command(folder: Path, *arguments: str) -> Process:
    """Begin a command of the administrator's in this folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "latchkey",
        *arguments,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        stdout=PIPE,
        stderr=PIPE,
    )


def tables(store: Path) -> dict[str, bytes]:
    """Return every sealed value by its table and id."""
    with closing(sqlite3.connect(store)) as connection:
        return {
            f"{table}:{key}": value
            for table in ("installations", "bots", "workspaces")
            for key, value in connection.execute(f"SELECT key, value FROM {table}")
        }
