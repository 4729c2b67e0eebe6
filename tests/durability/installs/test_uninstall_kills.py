"""SIGKILL at any moment of an uninstall: when Slack sends it again, the workspace's events and tokens are gone."""

import asyncio
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.simulator import JSON
from latchkey.storage import StoredEvent, open_for_command
from tests.support.running import Running, running
from tests.support.stores import UNFINISHED

FAILING_APP = """
def register(app):
    @app.event("app_mention")
    async def failing():
        raise ValueError("so that the event stays unfinished")
"""
ENVIRONMENT = {"LATCHKEY_LISTENERS_MODULES": "failing_app", "LATCHKEY_EVENTS_MAX_ATTEMPTS": "100"}
GONE, KEPT = "T0ACME", "T0BIRCH"
EVENTS = 3


def stored(it: Running) -> tuple[set[str], Counter[str]]:
    """Return the workspaces that are installed, and the number of unfinished events of each."""
    with closing(open_for_command(it.store, it.server.folder / "keys" / "keyring")) as store:
        events = [event for event in store.event_admin.all(UNFINISHED) if isinstance(event, StoredEvent)]
        of_gone = sum(GONE.encode() in event.body for event in events)
        found = Counter({GONE: of_gone, KEPT: len(events) - of_gone})
        return {workspace.team_id for workspace in store.workspaces.all()}, found


async def kill_during_an_uninstall(it: Running, delay: float) -> str:
    """Send an uninstall, kill the server this many seconds later, and return what was done by then."""
    workspace = it.slack.workspace(GONE)
    assert await it.install(GONE) == 200
    for _ in range(EVENTS):
        assert (await it.slack.sender.mention(workspace, "x")).status == 200
    body = it.slack.sender.event_body(workspace, {"type": "app_uninstalled"}, {"authorizations": None})
    answered = asyncio.ensure_future(it.slack.sender.send("uninstall", body, JSON))
    await asyncio.sleep(delay)
    it.server.kill()
    status = (await answered).status
    installed, events = stored(it)
    assert GONE in installed or not events[GONE], "tokens were deleted before the events"
    assert status != 200 or installed == {KEPT}, "an acknowledged uninstall was not carried out"
    await it.server.start(it.slack)
    if status != 200:
        assert (await it.slack.sender.send("uninstall", body, JSON, retry=1)).status == 200
    assert stored(it) == ({KEPT}, Counter({GONE: 0, KEPT: EVENTS}))
    return "nothing" if events[GONE] else "events dropped" if GONE in installed else "both"


async def kill_repeatedly(folder: Path, times: int) -> Counter[str]:
    chance = random.Random(times)
    done: Counter[str] = Counter()
    (folder / "failing_app.py").write_text(FAILING_APP)
    async with running(folder, environment=ENVIRONMENT) as it:
        assert await it.install(KEPT) == 200
        for _ in range(EVENTS):
            assert (await it.slack.sender.mention(it.slack.workspace(KEPT), "x")).status == 200
        for _ in range(times):
            done[await kill_during_an_uninstall(it, chance.uniform(0.0, 0.03))] += 1
    print(f"{times} kills during an uninstall; done by then: {dict(done)}")
    return done


@pytest.mark.gen_test(timeout=60)
async def test_a_few_kills_during_uninstalls_leave_no_tokens_and_no_events(tmp_path: Path) -> None:
    assert sum((await kill_repeatedly(tmp_path, 2)).values()) == 2


@pytest.mark.long
@pytest.mark.gen_test(timeout=900)
async def test_a_hundred_kills_during_uninstalls_leave_no_tokens_and_no_events(tmp_path: Path) -> None:
    done = await kill_repeatedly(tmp_path, 100)
    assert done["nothing"]
    assert done["both"]
