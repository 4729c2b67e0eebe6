"""Backups beside a real server under load, and the exercise in docs/backups.md."""

import asyncio
import json
import re
import shlex
import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from latchkey.storage import StoredEvent, list_backups, open_store
from tests.support.command_line import ROOT, run
from tests.support.load.event_load import Load, journaling
from tests.support.running import Running, running
from tests.support.stores import replaced


async def command(it: Running, *arguments: str, returncode: int = 0) -> str:
    """Run a command in the server's folder and return its stdout; check that it prints no token and no key."""
    done = await asyncio.to_thread(run, it.server.folder, *arguments, **it.server.credentials)
    assert done.returncode == returncode, done.stderr
    printed = done.stdout + done.stderr
    keys = [line for line in (it.server.folder / "keys" / "keyring").read_text().splitlines() if line[:1] != "#"]
    secrets = [it.server.credentials[name] for name in ("SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET")]
    for secret in (*keys, *secrets, *it.slack.world.tokens):
        assert secret not in printed
    return done.stdout


def as_sent_again(body: bytes) -> StoredEvent:
    """Return an event as the server would accept it if Slack sent it once more."""
    document = json.loads(body)
    microseconds = int(document["event"]["event_ts"].rpartition(".")[2])
    event_time = document["event_time"] + microseconds / 1e6  # as the server remembers it
    return StoredEvent(document["event_id"], time.time(), "", None, body, event_time)


def unknown_in(copy: Path, keyring: Path, events: list[StoredEvent]) -> set[str]:
    """Return the ids of the events that are not in a backup, neither unfinished nor as seen ids; this changes it."""
    with closing(open_store(copy, keyring)) as store:
        found = list(store.event_admin.all())
        unfinished = {event.event_id for event in found if isinstance(event, StoredEvent)}
        assert len(unfinished) == len(found), "a record is unreadable"
        seen = store.inbox.commit(events)  # those that were seen are not accepted again
    return {event.event_id for event in events} - seen - unfinished


@dataclass
class Copy:
    """A copy of a backup's store, to be checked when nothing else is running."""

    path: Path
    acknowledged: int
    """How many events had been acknowledged when the backup began."""


async def back_up_often(load: Load, folder: Path, times: int) -> list[Copy]:
    """Make backups under load, and copy the store of each, because old backups are deleted."""
    copies = []
    async with load.flowing():
        for number in range(times):
            await asyncio.sleep(0.2)
            acknowledged = len(load.acknowledged)
            made = json.loads(await command(load.it, "backup", "--json"))
            assert made["unreadable"] == 0
            copy = folder / f"{number}.sqlite"
            await asyncio.to_thread(shutil.copy, Path(made["path"]) / "store.sqlite", copy)
            copies.append(Copy(copy, acknowledged))
    await load.settled()
    return copies


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server").mkdir()
    return tmp_path / "server"


@pytest.mark.parametrize("times", [3, pytest.param(40, marks=pytest.mark.long)])
@pytest.mark.gen_test(timeout=300)
async def test_a_backup_beside_a_busy_server_contains_every_event_acknowledged_before(
    folder: Path, tmp_path: Path, times: int
) -> None:
    async with journaling(folder) as load:
        copies = await back_up_often(load, tmp_path, times)
        events = [as_sent_again(body) for body in load.acknowledged.values()]  # in the order of their responses
        keyring = folder / "keys" / "keyring"
        missing = [unknown_in(copy.path, keyring, events[: copy.acknowledged]) for copy in copies]
        assert not set().union(*missing)
        assert copies[-1].acknowledged, "nothing was written during the backups"
        assert not load.lost()
        assert len(list_backups(folder / "backups")) == min(times, 7)
        assert load.statuses[200] == sum(load.statuses.values()), "the server was disturbed"
        checked = sum(copy.acknowledged for copy in copies)
        print(f"{times} backups under load: {len(events)} events acknowledged; of {checked} looked up, 0 are missing")


@pytest.mark.gen_test(timeout=60)
async def test_restore_refuses_a_running_server_and_installs_remove_works_beside_it(folder: Path) -> None:
    async with running(folder) as it:
        assert await it.install() == 200
        await command(it, "backup")
        await command(it, "restore", "--yes", returncode=1)
        assert json.loads(await command(it, "restore", "--dry-run", "--json"))["changes"] == []
        assert "T0ACME\t" in await command(it, "installs", "list")
        await command(it, "installs", "remove", "T0ACME", "--yes")
        assert it.rows("bots") == it.rows("installations") == it.rows("workspaces") == 0
        assert all(token.revoked for token in it.slack.world.tokens.values())
        assert await it.status("/readyz") == 200


def practice_commands() -> list[list[str]]:
    """Return the commands of the practice restore in the document, in order."""
    text = (ROOT / "docs" / "backups.md").read_text()
    section = text.split("## Practise a restore")[1].split("\n## ")[0]
    lines = [line[2:] for line in re.findall(r"^\$ .*", section, re.MULTILINE)]
    assert len(lines) >= 5
    return [shlex.split(line.partition("#")[0]) for line in lines]


@pytest.mark.gen_test(timeout=90)
async def test_the_drill_in_the_docs_restores_what_was_lost(folder: Path) -> None:
    """Two workspaces, a backup, one workspace lost by mistake and one installed since; then every documented command."""
    async with running(folder) as it:
        assert [await it.install(team) for team in ("T0ACME", "T0BIRCH")] == [200, 200]
        printed = []
        for line in practice_commands():
            if line[:2] == ["systemctl", "stop"]:
                await command(it, "installs", "remove", "T0ACME", "--local", "--yes")
                assert await it.install("T0CEDAR") == 200
                it.slack.remove_app(it.slack.workspace("T0BIRCH"))
                assert await it.server.stop() == 0
            elif line[:2] == ["systemctl", "start"]:
                await it.server.start(it.slack)
            elif line[0] == "latchkey":
                # T0BIRCH must be reinstalled, so `check` exits 1.
                printed.append(await command(it, *line[1:], returncode=int(line[1:3] == ["installs", "check"])))
            else:
                assert line[0] == "cp"  # the copy of the keyring
        text = "".join(printed)
        assert "installations: 2 would be lost, 0 replaced by older ones, 2 restored" in text
        assert text.count("T0BIRCH\tBirch\tbot\taccount_inactive\n") == 2
        assert "T0ACME\tAcme\tbot" not in text
        response = await it.slack.people.mention(it.slack.workspace("T0ACME"), "hello")
        assert response.status == 200
        assert await it.status("/readyz") == 200
        assert len(replaced(it.store)) == 1
        for team, known in (("T0ACME", 1), ("T0BIRCH", 1), ("T0CEDAR", 0)):
            assert len(json.loads(await command(it, "installs", "list", "--team", team, "--json"))["installs"]) == known
