"""Tokens that have expired when a listener needs them."""

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.errors import MustReinstall
from latchkey.handlers.services import Services
from latchkey.simulator import Slack
from latchkey.simulator.tokens import TOKEN_SECONDS
from latchkey.storage import Store
from tests.handlers.conftest import CLIENT_ID, CLIENT_SECRET
from tests.support.clocks import Clock
from tests.support.counts import count
from tests.support.stores import ROOT
from tests.support.waiting import until
from tests.tokens.issuing import save_pairs

TEAM = "T0ACME"
SCRIPT = """
import random, sys, latchkey
people = sys.argv[2:]
with latchkey.connect(sys.argv[1]) as slack:
    print("connected", flush=True)
    sys.stdin.readline()
    for user_id in [None, *random.sample(people, len(people))]:
        slack.client_for(None, "T0ACME", user_id).chat_postMessage(channel="C0GENERAL", text="by the script")
"""


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"ack_timeout": 20}


@pytest.fixture
def slack(slack: Slack) -> Slack:
    slack.turn_token_rotation_on()
    return slack


def save(slack: Slack, store: Store, clock: Clock, *user_ids: str, age: float) -> None:
    """Save pairs for the bot and these people that were issued `age` seconds ago."""
    now = clock.now
    clock.now = now - age
    for user_id in user_ids:
        save_pairs(slack, store, TEAM, user_id, clock.now, bot=user_id == user_ids[0])
    clock.now = now


def mention(user_id: str) -> dict[str, Any]:
    return {"type": "app_mention", "user": user_id, "text": "x", "channel": "C0GENERAL", "ts": "1.2"}


def posts_as_both(listeners: App) -> None:
    async def listener(ack: Any, client: Any, user_client: Any) -> None:
        await ack("done")
        await client.chat_postMessage(channel="C0GENERAL", text="by the bot")
        await user_client.chat_postMessage(channel="C0GENERAL", text="by the person")

    listeners.event("app_mention")(listener)
    listeners.command("/hi")(listener)


def refreshes(slack: Slack) -> list[int]:
    """Return how often each refresh token was sent."""
    return [token.sent for token in slack.world.refresh_tokens.values()]


@pytest.mark.gen_test(timeout=60)
async def test_expired_tokens_are_refreshed_once_for_200_events_beside_a_script(
    http_server: object,
    slack: Slack,
    store: Store,
    clock: Clock,
    listeners: App,
    services: Services,
    tmp_path: Path,
) -> None:
    """Bolt for Python sends a bot's refresh token twice if B calls and A has installed last, and erases A's."""
    people = [f"U{number:02}" for number in range(20)]
    save(slack, store, clock, *people, age=TOKEN_SECONDS + 60)
    posts_as_both(listeners)
    script = await start_script(tmp_path, slack, *people)
    assert script.stdin is not None
    events = [mention(user_id) for user_id in people * 10]
    random.shuffle(events)
    script.stdin.write(b"go\n")
    answers = await asyncio.gather(*(slack.sender.event(slack.workspace(), event) for event in events))
    assert {answer.status for answer in answers} == {200}
    await until(lambda: count(services.metrics, "events_finished") == 200, 40)
    output, _ = await script.communicate()
    assert script.returncode == 0, output.decode()

    assert count(services.metrics, "events_retried") == 0  # an expired token would have failed its listener
    assert [call.response["error"] for call in slack.world.calls if not call.response["ok"]] == []
    written = [(message.author, message.text) for message in slack.world.messages]
    assert sum(text == "by the bot" for _, text in written) == 200
    assert sum(text == "by the script" for _, text in written) == 21
    assert all(written.count((user_id, "by the person")) == 10 for user_id in people)
    assert sorted(refreshes(slack)) == [0] * 21 + [1] * 21  # the new ones, and those that they replace
    for user_id in people:
        token = store.installations.find_user_token(None, TEAM, user_id=user_id)
        assert token is not None
        assert slack.world.tokens[token.token].is_live(clock())


async def start_script(folder: Path, slack: Slack, *arguments: str) -> asyncio.subprocess.Process:
    """Start a program beside the server that uses its store, and return once it has opened the store."""
    config = folder / "config.toml"
    config.write_text(f'[slack]\nclient_id = "{CLIENT_ID}"\napi_url = "{slack.api_url}"\n')
    pipe = asyncio.subprocess.PIPE
    script = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, str(config), *arguments, cwd=ROOT, stdin=pipe, stdout=pipe,
        stderr=asyncio.subprocess.STDOUT, env={"SLACK_CLIENT_SECRET": CLIENT_SECRET},
    )  # fmt: skip
    assert script.stdout is not None
    assert await script.stdout.readline() == b"connected\n"
    return script


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("is_command", [True, False])
async def test_a_bots_refresh_token_is_sent_once_for_a_person_who_did_not_install_last(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App, is_command: bool
) -> None:
    """Bolt for Python sends it twice, and Slack refuses the second time."""
    await act_as_other_than_the_last_installer(slack, store, clock, listeners, is_command)
    assert sorted(refreshes(slack)) == [0, 0, 0, 0, 1, 1]  # the bot's latest one and Bob's


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("is_command", [True, False])
async def test_a_refresh_for_another_person_leaves_the_last_installers_token_alone(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App, is_command: bool
) -> None:
    """Bolt for Python then saves the last installer's installation without their token."""
    before = await act_as_other_than_the_last_installer(slack, store, clock, listeners, is_command)
    assert store.installations.find_user_token(None, TEAM, user_id="U0ALICE") == before


async def act_as_other_than_the_last_installer(
    slack: Slack, store: Store, clock: Clock, listeners: App, is_command: bool
) -> object:
    """Let Bob act where Alice has installed last, and return Alice's token from before."""
    save(slack, store, clock, "U0BOB", age=TOKEN_SECONDS + 60)
    save(slack, store, clock, "U0ALICE", age=TOKEN_SECONDS + 30)
    before = store.installations.find_user_token(None, TEAM, user_id="U0ALICE")
    assert before is not None
    posts_as_both(listeners)
    bob = replace(slack.workspace(), user_id="U0BOB")
    if is_command:
        assert (await slack.sender.command(bob, "/hi")).body == "done"
    else:
        assert (await slack.sender.mention(bob, "x")).status == 200
    await until(lambda: len(slack.world.messages) == 2)
    assert slack.world.messages[-1].author == "U0BOB"
    return before


@pytest.mark.gen_test
async def test_a_token_that_has_not_expired_is_used_if_its_refresh_fails(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App, services: Services
) -> None:
    save(slack, store, clock, "U0ALICE", age=TOKEN_SECONDS - 60)
    posts_as_both(listeners)
    slack.fail("oauth.v2.access", times=10, error="internal_error")
    assert (await slack.sender.event(slack.workspace(), mention("U0ALICE"))).status == 200
    await until(lambda: len(slack.world.messages) == 2)
    assert count(services.metrics, "events_retried") == 0


@pytest.mark.gen_test
async def test_a_command_says_that_the_app_must_be_reinstalled(
    http_server: object, base_url: str, slack: Slack, store: Store, clock: Clock, listeners: App
) -> None:
    save(slack, store, clock, "U0ALICE", age=TOKEN_SECONDS + 60)
    posts_as_both(listeners)
    slack.fail("oauth.v2.access", times=10, error="invalid_refresh_token")
    for _ in range(2):
        answer = await slack.sender.command(slack.workspace(), "/hi")
        assert answer.status == 200
        assert answer.body == f"This app has lost its access. Please install it again: {base_url}/slack/install"
    save(slack, store, clock, "U0ALICE", age=0)
    assert (await slack.sender.command(slack.workspace(), "/hi")).body == "done"


@pytest.mark.gen_test
async def test_a_command_says_that_slack_gives_no_token_at_the_moment(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App
) -> None:
    save(slack, store, clock, "U0ALICE", age=TOKEN_SECONDS + 60)
    posts_as_both(listeners)
    slack.fail("oauth.v2.access", times=10, error="internal_error")
    answer = await slack.sender.command(slack.workspace(), "/hi")
    assert (answer.status, answer.body) == (
        200,
        "The app has no access to Slack at the moment. Please try again in a few minutes.",
    )


@pytest.mark.gen_test(timeout=20)
async def test_a_person_whose_token_is_lost_for_good_is_served_by_the_bot(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App
) -> None:
    save(slack, store, clock, "U0ALICE", age=0)
    now = clock.now
    clock.now = now - TOKEN_SECONDS - 60
    save_pairs(slack, store, TEAM, "U0BOB", clock.now, bot=False)
    clock.now = now
    seen: list[Any] = []

    @listeners.event("app_mention")
    async def listener(user_client: Any, say: Any) -> None:
        seen.append(user_client)
        await say("hello")

    slack.fail("oauth.v2.access", times=10, error="invalid_refresh_token")
    assert (await slack.sender.event(slack.workspace(), mention("U0BOB"))).status == 200
    await until(lambda: slack.world.messages)
    assert seen == [None]


@pytest.mark.gen_test(timeout=20)
async def test_client_for_a_person_needs_no_token_of_the_bot(
    http_server: object, slack: Slack, store: Store, clock: Clock, listeners: App
) -> None:
    save(slack, store, clock, "U0ALICE", age=TOKEN_SECONDS + 60)
    save_pairs(slack, store, TEAM, "U0BOB", clock.now, bot=False)
    slack.fail("oauth.v2.access", times=10, error="invalid_refresh_token")
    client = await listeners.client_for(None, TEAM, "U0BOB")
    assert (await client.auth_test())["user_id"] == "U0BOB"
    for ids in ((None, TEAM), (None, TEAM, "U0ALICE")):
        with pytest.raises(MustReinstall):
            await listeners.client_for(*ids)
