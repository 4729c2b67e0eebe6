"""The clock of a test moves Slack's time and the server's, so that tokens expire and are refreshed."""

from datetime import timedelta

import pytest

from latchkey.testing import AppToTest, SlackUser


@pytest.fixture
def latchkey_app() -> AppToTest:
    return AppToTest(modules=["tests.testing.orders"], settings={"slack.token_rotation": True})


def test_tokens_expire_and_are_refreshed(slack: SlackUser) -> None:
    before = slack.clock.now
    slack.mention("hi")
    refreshes = len(slack.calls("oauth.v2.access"))
    slack.clock.advance(hours=13)
    assert slack.clock.now - before >= timedelta(hours=13)
    assert slack.mention("still there?").text == "Hello <@U0ALICE>!"
    assert len(slack.calls("oauth.v2.access")) > refreshes


def test_a_clock_only_advances(slack: SlackUser) -> None:
    with pytest.raises(ValueError, match="only advances"):
        slack.clock.advance(hours=-1)


def test_a_removed_app_gets_nothing_until_it_is_installed_again(slack: SlackUser) -> None:
    slack.uninstall()
    assert not slack.mention("hi").responses
    slack.install()
    assert slack.mention("hi").text == "Hello <@U0ALICE>!"


def test_a_workspace_of_an_org_is_apart_from_others(slack: SlackUser) -> None:
    cedar = slack.workspace("Cedar")
    cedar.install()
    assert cedar.user("bob").mention("hi").text == "Hello <@U0BOB>!"
    assert slack.messages == []
