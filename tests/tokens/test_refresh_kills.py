"""A process that refreshes tokens is killed at random: no installation is lost."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from latchkey.simulator import Slack
from latchkey.storage import REFRESHES, Store, TokenId, WorkspaceKey, open_store
from tests.support.stores import fork_server, rows
from tests.tokens.issuing import save_pairs
from tests.tokens.refresh_load import sweep_all
from tests.tokens.rotating import start_slack

DELAY_SECONDS = 0.01
"""Between the moment at which Slack issues a pair and its response, so that many kills are in between."""


@pytest.mark.parametrize(
    ("tokens", "kills"), [(40, 3), pytest.param(1000, 60, marks=pytest.mark.long)], ids=["short", "long"]
)
@pytest.mark.gen_test(timeout=600)
async def test_a_kill_during_a_refresh_loses_no_installation(tmp_path: Path, tokens: int, kills: int) -> None:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    slack = start_slack()
    slack.fail("oauth.v2.access", times=10**9, seconds=DELAY_SECONDS, acts=True)
    store = open_store(*paths)
    for number in range(tokens):
        # Their last hour has begun.
        save_pairs(slack, store, f"T{number}", "U1", time.time() - 11 * 3600, user=False)
    killed = await kill_at_random(paths, slack, kills)
    assert killed >= kills // 2
    await in_child(paths, slack)
    sent = [refresh.sent for refresh in slack.world.refresh_tokens.values() if refresh.sent]
    print(f"{len(sent)} refresh tokens sent, {sum(sent) - len(sent)} of them again after one of {killed} kills")
    assert len(sent) >= tokens
    lost = [number for number in range(tokens) if not is_kept(slack, store, TokenId(WorkspaceKey("", f"T{number}")))]
    store.close()
    await slack.close()
    assert lost == []
    assert rows(paths[0], REFRESHES) == 0


async def kill_at_random(paths: tuple[Path, Path], slack: Slack, kills: int) -> int:
    """Kill processes while they refresh; returns how many were killed before they were done."""
    chance = random.Random(1)
    killed = 0
    for _ in range(kills):
        process = fork_server("tests.tokens.refresh_load").Process(target=sweep_all, args=(*paths, slack.api_url))
        already = calls(slack)
        process.start()
        while calls(slack) == already and process.is_alive():
            await asyncio.sleep(0.001)
        await asyncio.sleep(chance.uniform(0, 0.03))
        killed += process.is_alive()
        process.kill()
        await asyncio.to_thread(process.join)
    return killed


async def in_child(paths: tuple[Path, Path], slack: Slack) -> None:
    process = fork_server("tests.tokens.refresh_load").Process(target=sweep_all, args=(*paths, slack.api_url))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == 0


def calls(slack: Slack) -> int:
    return len(slack.world.calls)


def is_kept(slack: Slack, store: Store, token_id: TokenId) -> bool:
    """Whether the stored access token is live, and the stored refresh token can still be used."""
    pair = store.tokens.pair(token_id)
    assert pair is not None
    refresh = slack.world.refresh_tokens[str(pair.refresh_token)]
    live = slack.world.tokens[pair.access_token].is_live(time.time() + 11 * 3600)
    return live and refresh.first_used_at is None and not refresh.revoked
