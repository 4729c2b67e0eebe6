"""Token rotation over a day, on a moved clock: the server and Slack have the same one."""

import time
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import App
from latchkey.simulator import Slack, Token
from latchkey.storage import Store
from tests.support.clocks import SleepingClock
from tests.support.waiting import until

DAY_SECONDS = 86_400
PEOPLE = ("U0ALICE", "U0BOB")


@pytest.fixture
def clock() -> SleepingClock:
    return SleepingClock(time.time())


@pytest.fixture
def rotating(slack: Slack, store: Store, clock: SleepingClock) -> Slack:
    """A simulated Slack in which Acme and Birch have installed the app: a bot, and two people each."""
    slack.turn_token_rotation_on()
    for team_id in ("T0ACME", "T0BIRCH"):
        bot = pair(slack, team_id, f"UBOT{team_id[2:]}", is_bot=True)
        for user_id in PEOPLE:
            user = pair(slack, team_id, user_id, is_bot=False)
            store.installations.save(
                Installation(
                    app_id=slack.world.app.app_id, team_id=team_id, user_id=user_id, bot_id=f"B{team_id[1:]}",
                    bot_user_id=f"UBOT{team_id[2:]}", bot_scopes=["chat:write"], user_scopes=["search:read"],
                    bot_token=bot["access_token"], bot_refresh_token=bot["refresh_token"],
                    bot_token_expires_at=int(clock() + bot["expires_in"]), user_token=user["access_token"],
                    user_refresh_token=user["refresh_token"], user_token_expires_at=int(clock() + user["expires_in"]),
                    installed_at=clock(),
                )
            )  # fmt: skip
    return slack


def pair(slack: Slack, team_id: str, user_id: str, *, is_bot: bool) -> dict[str, Any]:
    owner = Token(slack.workspace(team_id), user_id, is_bot, False, "chat:write" if is_bot else "search:read")
    return slack.world.token_book.issue_pair(owner)


@pytest.fixture
def runs(listeners: App) -> list[str]:
    """The people whose events the listener has finished; it calls Slack as the bot and as the person."""
    finished: list[str] = []

    @listeners.event("app_mention")
    async def mention(event: dict[str, Any], client: Any, user_client: Any) -> None:
        await client.chat_postMessage(channel=event["channel"], text=event["user"])
        assert (await user_client.auth_test())["user_id"] == event["user"]
        finished.append(event["user"])

    return finished


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("minutes", [20, pytest.param(1, marks=pytest.mark.long)])
async def test_no_token_expires_in_a_day_of_events(
    minutes: int, http_server: object, rotating: Slack, clock: SleepingClock, runs: list[str]
) -> None:
    """An event every `minutes` minutes."""
    acme = rotating.workspace()
    events = DAY_SECONDS // (60 * minutes)
    for number in range(events):
        clock.move(60 * minutes)
        event = {"type": "app_mention", "user": PEOPLE[number % 2], "text": "x", "channel": "C0GENERAL"}
        assert (await rotating.sender.event(acme, event)).status == 200
        await until(lambda expected=number + 1: len(runs) == expected)
    world = rotating.world
    assert {call.response.get("error") for call in world.calls} == {None}
    assert [message.author for message in world.messages] == ["UBOTACME"] * events
    assert max(refresh.sent for refresh in world.refresh_tokens.values()) == 1
    assert sum(call.method == "oauth.v2.access" for call in world.calls) > len(PEOPLE), "the bot's and each person's"
