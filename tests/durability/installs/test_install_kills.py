"""SIGKILL at any moment of an install leaves the complete installation or none of it."""

import asyncio
import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import TokenId, WorkspaceKey, open_for_command, open_store
from tests.support.running import Running, running, status_of
from tests.support.waiting import until


async def kill_during_an_install(it: Running, delay: float) -> str:
    """Start an install, kill the server this many seconds into its callback, and return what is stored."""
    url = await it.check.begin_install(it.browser)
    answered = asyncio.ensure_future(it.browser.get(it.slack.approve(url)))
    await asyncio.sleep(delay)
    it.server.kill()
    status = await status_of(answered)
    store = open_store(it.store, it.server.folder / "keys" / "keyring")
    try:
        page = store.installations.page()
        bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
        assert not page.unreadable
        assert len(page.installations) == (bot is not None), "a partial installation"
        if bot is not None:
            assert page.installations[0].bot_token == bot.bot_token
            assert it.slack.world.tokens[bot.bot_token].workspace.team_id == "T0ACME"
        assert bot is not None or status != 303, "an acknowledged installation is gone"
        store.installations.delete_all(enterprise_id=None, team_id="T0ACME")
    finally:
        store.close()
    await it.server.start(it.slack)
    return "none" if bot is None else "complete and answered" if status == 303 else "complete"


async def install_seconds(it: Running) -> float:
    """Return how long the callback of the first install after a start takes; the client is loaded meanwhile."""
    url = await it.check.begin_install(it.browser)
    started = time.monotonic()
    assert (await it.browser.get(it.slack.approve(url))).code == 303
    return time.monotonic() - started


async def kill_repeatedly(folder: Path, times: int) -> Counter[str]:
    chance = random.Random(times)
    left: Counter[str] = Counter()
    async with running(folder) as it:
        longest = 1.3 * await install_seconds(it)
        for _ in range(times):
            left[await kill_during_an_install(it, chance.uniform(0.0, longest))] += 1
    print(f"{times} kills during an install: {dict(left)}, partial 0")
    return left


@pytest.mark.gen_test(timeout=60)
async def test_a_few_kills_during_installs_leave_no_partial_installation(tmp_path: Path) -> None:
    left = await kill_repeatedly(tmp_path, 6)
    assert sum(left.values()) == 6


@pytest.mark.long
@pytest.mark.gen_test(timeout=900)
async def test_two_hundred_kills_during_installs_leave_no_partial_installation(tmp_path: Path) -> None:
    left = await kill_repeatedly(tmp_path, 200)
    assert left["none"]
    assert left["complete"] + left["complete and answered"]


@pytest.mark.gen_test(timeout=60)
async def test_a_kill_between_slacks_answer_and_the_commit_loses_the_tokens_and_a_new_install_works(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        callback = it.slack.approve(await it.check.begin_install(it.browser))
        it.slack.fail("oauth.v2.access", seconds=10, acts=True)  # the tokens are issued, and their answer is on its way
        answered = asyncio.ensure_future(it.browser.get(callback))
        await until(lambda: it.slack.world.tokens)
        it.server.kill()
        assert await status_of(answered) == 599
        lost = set(it.slack.world.tokens)
        await it.server.start(it.slack)
        assert [it.rows(table) for table in ("installations", "bots", "undos")] == [0, 0, 0]
        path = callback[callback.index("/slack/") :]
        reloaded = await it.browser.get(it.server.url + path)  # its port is another one
        assert (reloaded.code, b"Start again" in reloaded.body) == (401, True)
        assert await it.install() == 200
        with closing(open_for_command(it.store, it.server.folder / "keys" / "keyring")) as store:
            bot = store.tokens.pair(TokenId(WorkspaceKey("", "T0ACME")))
        assert bot is not None
        assert bot.access_token in it.slack.world.tokens.keys() - lost
        for path in tmp_path.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert not any(token.encode() in content for token in lost), path
