"""Bolt apps run in the kit as native listeners do, any number of times in one process."""

from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp

from latchkey.testing import AppToTest, NotThere, SlackUser

sync_app = App(signing_secret="s", token="xoxb-own", token_verification_enabled=False)
async_app = AsyncApp(signing_secret="s", token="xoxb-own")


@sync_app.command("/hello")
def hello(ack: Any, say: Any, command: dict[str, Any]) -> None:
    ack()
    say(f"Hello {command['text']}!")


@async_app.command("/hello")
async def hello_async(ack: Any, say: Any, command: dict[str, Any]) -> None:
    await ack()
    await say(f"Hello {command['text']}!")


@sync_app.event("app_mention")
def fail(event: dict[str, Any]) -> None:
    raise ValueError("no tea left")


@async_app.event("app_mention")
async def fail_async(event: dict[str, Any]) -> None:
    raise ValueError("no tea left")


def acknowledge(ack: Any) -> None:
    ack()


def work(say: Any) -> None:
    say("done later")


async def acknowledge_async(ack: Any) -> None:
    await ack()


async def work_async(say: Any) -> None:
    await say("done later")


sync_app.command("/lazy")(ack=acknowledge, lazy=[work])
async_app.command("/lazy")(ack=acknowledge_async, lazy=[work_async])


@pytest.fixture(params=[sync_app, async_app], ids=["App", "AsyncApp"])
def latchkey_app(request: pytest.FixtureRequest) -> AppToTest:
    return AppToTest(bolt=request.param)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_one_app_serves_many_tests(slack: SlackUser, attempt: int) -> None:
    assert slack.command("/hello", f"Ada {attempt}").text == f"Hello Ada {attempt}!"
    assert len(slack.messages) == 1


def test_lazy_listeners_have_ended(slack: SlackUser) -> None:
    assert slack.command("/lazy").text == "done later"


def test_a_listener_raises_in_the_test(slack: SlackUser) -> None:
    with pytest.raises(ValueError, match="no tea left"):
        slack.mention("hi")


def test_names_the_commands_that_exist(slack: SlackUser) -> None:
    with pytest.raises(NotThere, match="no command '/bye'; it has: /hello, /lazy$"):
        slack.command("/bye")
