"""`latchkey installs check`: all tokens, a few at once, and what Slack's answers mean."""

import json
from pathlib import Path

import pytest

from latchkey.slackapi.administration import MAX_CONCURRENT_CALLS
from latchkey.storage import Store
from tests.commands.installs.at_slack import at_slack
from tests.support.stores import installation

NUMBER = 3 * MAX_CONCURRENT_CALLS


@pytest.mark.gen_test(timeout=30)
async def test_an_expired_token_that_can_be_refreshed_needs_no_reinstall(tmp_path: Path, store: Store) -> None:
    store.installations.save(installation("T1", user_token=None))
    store.installations.save(installation("T2", user_token=None, bot_refresh_token=None))
    async with at_slack(tmp_path) as it:
        it.slack.fail("auth.test", times=2, error="token_expired")
        done = await it.run("check", "--json")
    checked = json.loads(done.stdout)
    assert done.returncode == 1
    assert [row["team_id"] for row in checked["expired"]] == ["T1"]
    assert [row["team_id"] for row in checked["revoked"]] == ["T2"]


@pytest.mark.gen_test(timeout=60)
async def test_checks_more_tokens_than_it_checks_at_once(tmp_path: Path, store: Store) -> None:
    for number in range(NUMBER):
        store.installations.save(installation(f"T{number}", user_token=None))
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", *(f"xoxb-sentinel-T{number}" for number in range(NUMBER)))
        done = await it.run("check")
        assert done.returncode == 0, done.stderr
        assert f"{NUMBER} of {NUMBER} tokens valid\n" in done.stderr


@pytest.mark.gen_test(timeout=30)
async def test_waits_if_slack_limits_the_rate(tmp_path: Path, store: Store) -> None:
    store.installations.save(installation("T1", user_token=None))
    async with at_slack(tmp_path) as it:
        it.knows("T0ACME", "xoxb-sentinel-T1")
        it.slack.fail("auth.test", times=2, status=429, retry_after=0)
        assert (await it.run("check")).returncode == 0


@pytest.mark.gen_test(timeout=60)
async def test_stops_if_slack_does_not_answer_for_many_tokens_in_a_row(tmp_path: Path, store: Store) -> None:
    for number in range(80):
        store.installations.save(installation(f"T{number}", user_token=None))
    async with at_slack(tmp_path) as it:
        it.slack.fail("auth.test", times=999, error="internal_error")
        done = await it.run("check", "--json")
    checked = json.loads(done.stdout)
    assert done.returncode == 1
    assert not checked["complete"]
    assert 50 <= len(checked["unknown"]) < 80
