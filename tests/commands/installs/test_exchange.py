"""`latchkey installs check --exchange`: each long-lived token is exchanged once for a pair that is refreshed."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Store, TokenId, WorkspaceKey, open_store
from tests.commands.installs.at_slack import AtSlack, at_slack
from tests.support.stores import installation

BOT = TokenId(WorkspaceKey("", "T1"))
USER = TokenId(WorkspaceKey("", "T1"), "U1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        store.installations.save(installation("T1", bot_refresh_token=None))
        yield store


def rotation_on(it: AtSlack) -> None:
    (it.folder / "config.toml").write_text("[slack]\ntoken_rotation = true\n")
    it.slack.turn_token_rotation_on()
    it.knows("T0ACME", "xoxb-sentinel-T1", "xoxp-sentinel-T1")


@pytest.mark.gen_test(timeout=60)
async def test_each_long_lived_token_is_exchanged_once_for_a_pair(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        rotation_on(it)
        first = await it.run("check", "--exchange", "--json", "--config", str(tmp_path / "config.toml"))
        assert json.loads(first.stdout)["exchange"] == {"exchanged": 2, "failed": [], "complete": True}
        assert first.returncode == 0
        for token_id in (BOT, USER):
            pair = store.tokens.pair(token_id)
            assert pair is not None
            assert pair.refresh_token in it.slack.world.refresh_tokens
            assert pair.expires_at is not None
            assert store.tokens.refresh_state(token_id).owner is None
        assert {row.token_id for row in store.tokens.due(1e12)} == {BOT, USER}
        again = await it.run("check", "--exchange", "--config", str(tmp_path / "config.toml"))
        assert "0 tokens exchanged" in again.stderr


@pytest.mark.gen_test(timeout=60)
async def test_a_token_that_slack_does_not_exchange_stays_as_it_was(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        rotation_on(it)
        it.slack.fail("oauth.v2.exchange", error="token_already_exchanged")
        done = await it.run("check", "--exchange", "--json", "--config", str(tmp_path / "config.toml"))
        assert done.returncode == 1
        [failed] = json.loads(done.stdout)["exchange"]["failed"]
        assert (failed["team_id"], failed["user_id"], failed["reason"]) == ("T1", None, "token_already_exchanged")
        pair = store.tokens.pair(BOT)
        assert pair is not None
        assert (pair.access_token, pair.refresh_token) == ("xoxb-sentinel-T1", None)
        assert store.tokens.refresh_state(BOT).owner is None


@pytest.mark.gen_test(timeout=60)
async def test_an_app_without_token_rotation_exchanges_nothing(tmp_path: Path, store: Store) -> None:
    async with at_slack(tmp_path) as it:
        done = await it.run("check", "--exchange")
        assert done.returncode == 1
        assert "[slack] token_rotation is false, so no token was exchanged" in done.stderr
