"""Commands whose token Slack refuses to refresh only after they have been replied to."""

from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.simulator import Slack
from latchkey.simulator.tokens import TOKEN_SECONDS
from latchkey.storage import Store
from tests.support.clocks import Clock
from tests.support.waiting import until
from tests.tokens.issuing import save_pairs

SLOW = 0.3
"""Seconds until Slack answers a refresh; longer than the time for a reply."""


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"ack_timeout": 0.05}


@pytest.fixture
def slack(slack: Slack, store: Store, clock: Clock) -> Slack:
    """A Slack whose only workspace has a token that expired while nobody refreshed it."""
    slack.turn_token_rotation_on()
    clock.now -= TOKEN_SECONDS + 60
    save_pairs(slack, store, "T0ACME", "U0ALICE", clock.now)
    clock.now += TOKEN_SECONDS + 60
    return slack


@pytest.fixture
def started(listeners: App) -> list[str]:
    """The listeners that have run."""
    started: list[str] = []

    @listeners.command("/hi")
    async def command(ack: Any, respond: Any) -> None:
        started.append("command")
        await ack()
        await respond("done")

    return started


def shown(slack: Slack) -> list[tuple[str, str | None]]:
    return [(message.text, message.only_for) for message in slack.world.messages]


@pytest.mark.gen_test
async def test_a_command_with_a_slow_refusal_says_later_that_the_app_must_be_reinstalled(
    http_server: object, base_url: str, slack: Slack, started: list[str]
) -> None:
    slack.fail("oauth.v2.access", times=10, error="invalid_refresh_token", seconds=SLOW)
    answer = await slack.sender.command(slack.workspace(), "/hi")
    assert (answer.status, answer.body) == (200, "")
    await until(lambda: slack.world.messages)
    text = f"This app has lost its access. Please install it again: {base_url}/slack/install"
    assert (shown(slack), started) == ([(text, "U0ALICE")], [])


@pytest.mark.gen_test
async def test_a_command_says_later_that_slack_gives_no_token_at_the_moment(
    http_server: object, slack: Slack, started: list[str]
) -> None:
    slack.fail("oauth.v2.access", times=10, error="internal_error", seconds=SLOW)
    assert (await slack.sender.command(slack.workspace(), "/hi")).body == ""
    await until(lambda: slack.world.messages)
    text = "The app has no access to Slack at the moment. Please try again in a few minutes."
    assert (shown(slack), started) == ([(text, "U0ALICE")], [])


@pytest.mark.gen_test
async def test_a_command_runs_after_a_slow_refresh(
    http_server: object, slack: Slack, started: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    slack.fail("oauth.v2.access", times=1, seconds=SLOW)
    assert (await slack.sender.command(slack.workspace(), "/hi")).body == ""
    await until(lambda: slack.world.messages)
    assert (shown(slack), started) == ([("done", "U0ALICE")], ["command"])
    assert "could not begin, for want of a token, within 0.05 s" in caplog.text
    assert "did not call ack()" not in caplog.text
