"""What a listener raises fails the test that has caused it, unless the test expects it."""

import pytest

from latchkey.testing import AppToTest, SlackUser


@pytest.fixture
def latchkey_app() -> AppToTest:
    return AppToTest(modules=["tests.testing.orders"])


def test_a_listener_raises_in_the_test(slack: SlackUser) -> None:
    with pytest.raises(ValueError, match="no tea left") as caught:
        slack.mention("fail")
    assert caught.traceback[-1].name == "greet", "the traceback ends in the author's line"


def test_a_test_can_look_at_what_happens_then(slack: SlackUser) -> None:
    slack.raise_errors = False
    outcome = slack.mention("fail")
    assert [str(error) for error in outcome.errors] == ["no tea left"]
    assert outcome.response.status == 200, "the event is stored, and is retried later"


def test_a_failed_event_is_retried_when_time_passes(slack: SlackUser) -> None:
    slack.raise_errors = False
    slack.mention("fail")
    slack.clock.advance(minutes=1)
    assert len(slack.errors) == 2
    slack.raise_errors = True
    with pytest.raises(ValueError, match="no tea left"):
        slack.clock.advance(minutes=10)
