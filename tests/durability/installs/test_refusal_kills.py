"""SIGKILL at any step of a refused installation: no refused token stays in the store, and no good one is harmed."""

import asyncio
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.simulator import Token
from latchkey.storage import open_store
from tests.support.running import Running, running, status_of
from tests.support.waiting import until

ONLY_BIRCH = {"LATCHKEY_INSTALL_WORKSPACES": "T0BIRCH", "LATCHKEY_SLACK_USER_SCOPES": "search:read"}


def open_stopped(it: Running):  # type: ignore[no-untyped-def]
    return closing(open_store(it.store, it.server.folder / "keys" / "keyring"))


async def save_good_installation(it: Running) -> set[str]:
    """Store an installation of Acme, from before the list; returns its tokens."""
    await it.server.stop()
    acme = it.slack.workspace()
    bot = it.slack.world.issue_token("xoxb", Token(acme, "UBOTACME", True, False, "chat:write"))
    user = it.slack.world.issue_token("xoxp", Token(acme, "U0BOSS", False, False, "search:read"))
    with open_stopped(it) as store:
        store.installations.save(Installation(team_id="T0ACME", user_id="U0BOSS", bot_token=bot, user_token=user))
    await it.server.start(it.slack)
    return {bot, user}


def has_called(it: Running, *methods: str) -> bool:
    return any(call.method in methods for call in it.slack.world.calls)


async def kill_during_a_refusal(it: Running, good: set[str], moment: str, delay: float) -> str:
    """Kill the server this many seconds after a moment: "begin", a method that it calls, or "answered"; start it again."""
    it.slack.world.calls.clear()
    url = await it.check.begin_install(it.browser)
    if "." in moment:
        it.slack.fail(moment, seconds=0.1)
    answered = asyncio.ensure_future(it.browser.get(it.slack.approve(url)))
    if moment == "answered":
        await answered
    elif moment != "begin":
        await until(lambda: it.slack.world.faults[moment].times == 0)
    await asyncio.sleep(delay)
    it.server.kill()
    status = await status_of(answered)
    was_stored = it.rows("undos")
    await it.server.start(it.slack)
    await until(lambda: it.rows("undos") == 0)
    return await check(it, good, status, was_stored)


async def check(it: Running, good: set[str], status: int, was_stored: int) -> str:
    world = it.slack.world
    assert all(world.tokens[token].is_live(world.clock()) for token in good), "a good installation was harmed"
    assert it.rows("installations") == it.rows("bots") == bool(good), "a refused installation is in the store"
    exchanged = has_called(it, "oauth.v2.access")
    fresh = {value for value, token in world.tokens.items() if value not in good and token.is_live(world.clock())}
    if not good and (was_stored or status == 403):
        assert not fresh, "a refused token is still valid"
    if good and (was_stored or status == 403):
        assert not any(not world.tokens[value].is_bot for value in fresh), "a refused user token is still valid"
    for value in fresh:
        world.tokens[value].revoked = True
    return "answered" if status == 403 else "stored" if was_stored else "exchanged" if exchanged else "before"


async def kill_repeatedly(folder: Path, times: int) -> Counter[str]:
    """Kill refusals in a workspace without an installation, then in one that has one, and return what was found."""
    chance = random.Random(times)
    found: Counter[str] = Counter()
    async with running(folder, environment=ONLY_BIRCH) as it:
        for undo in ("apps.uninstall", "auth.revoke"):
            good = await save_good_installation(it) if undo == "auth.revoke" else set()
            found[f"{undo}: {await kill_during_a_refusal(it, good, undo, 0.0)}"] += 1
            for _ in range(times):
                moment = chance.choice(["begin", "oauth.v2.access", undo, "answered"])
                found[await kill_during_a_refusal(it, good, moment, chance.uniform(0.0, 0.15))] += 1
    print(f"{found.total()} kills during a refusal: {dict(found)}, refused tokens left 0, installations harmed 0")
    return found


@pytest.mark.gen_test(timeout=60)
async def test_a_kill_while_slack_is_called_leaves_no_refused_token_and_harms_no_installation(tmp_path: Path) -> None:
    assert await kill_repeatedly(tmp_path, 0) == {"apps.uninstall: stored": 1, "auth.revoke: stored": 1}


@pytest.mark.long
@pytest.mark.gen_test(timeout=1800)
async def test_two_hundred_kills_at_any_step_leave_no_refused_token_and_harm_no_installation(tmp_path: Path) -> None:
    found = await kill_repeatedly(tmp_path, 99)
    assert found["before"]
    assert found["exchanged"]
    assert found["stored"]
    assert found["answered"]
