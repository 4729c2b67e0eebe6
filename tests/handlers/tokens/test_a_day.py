"""Token rotation over a day, on a moved clock: the server and Slack have the same one."""

import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import App
from latchkey.metrics import Metrics
from latchkey.simulator import Slack, Token
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, open_store
from latchkey.tokens import Pace, Refresher, Sweep
from tests.handlers.conftest import CLIENT_ID, CLIENT_SECRET
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


STEPS = [30, pytest.param(1, marks=pytest.mark.long)]
"""Minutes from one event to the next."""


async def send_events(slack: Slack, clock: SleepingClock, runs: list[str], minutes: int, sleepers: int = 0) -> int:
    """Send an event to Acme every `minutes` minutes for a day; returns how many.

    Before each, wait until this number of background tasks sleep again.
    """
    events = DAY_SECONDS // (60 * minutes)
    for number in range(events):
        clock.move(60 * minutes)
        await until(lambda: clock.sleepers == sleepers)
        event = {"type": "app_mention", "user": PEOPLE[number % 2], "text": "x", "channel": "C0GENERAL"}
        assert (await slack.sender.event(slack.workspace(), event)).status == 200
        await until(lambda expected=number + 1: len(runs) == expected)
    return events


def check_calls(slack: Slack, events: int) -> None:
    """Check that Slack has refused no call, and that each refresh token was sent at most once."""
    world = slack.world
    assert {call.response.get("error") for call in world.calls} == {None}
    assert [message.author for message in world.messages] == ["UBOTACME"] * events
    assert max(refresh.sent for refresh in world.refresh_tokens.values()) == 1


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("minutes", STEPS)
async def test_no_event_in_a_day_gets_an_expired_token(
    minutes: int, http_server: object, rotating: Slack, clock: SleepingClock, runs: list[str]
) -> None:
    """Only the events refresh tokens, as they do if the background refresh is late."""
    check_calls(rotating, await send_events(rotating, clock, runs, minutes))
    assert sum(call.method == "oauth.v2.access" for call in rotating.world.calls) > len(PEOPLE)


@pytest.mark.gen_test(timeout=240)
@pytest.mark.parametrize("minutes", STEPS)
async def test_in_a_day_each_token_is_refreshed_in_the_background_and_none_expires(
    minutes: int,
    http_server: object,
    rotating: Slack,
    store: Store,
    tmp_path: Path,
    clock: SleepingClock,
    runs: list[str],
) -> None:
    """The sweep has opened the store itself, like another process. Birch sends no events."""
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    async with WebClients(api_url=rotating.api_url) as clients:
        with closing(open_store(*paths, clock=clock)) as opened:
            calls = TokenCalls(clients, client_id=CLIENT_ID, client_secret=lambda: CLIENT_SECRET)
            refresher = Refresher(opened.tokens, calls, clock=clock)
            sweep = Sweep(opened.tokens, refresher, Pace(1000), Metrics(), clock=clock, sleep=clock.sleep)
            async with sweep.running():
                events = await send_events(rotating, clock, runs, minutes, sleepers=2)
    check_calls(rotating, events)
    world = rotating.world
    used = [token for token in world.refresh_tokens.values() if token.first_used_at is not None]
    left = [(token.access.expires_at or 0) - (token.first_used_at or 0) for token in used]
    assert min(left) > 7200 - 60 * minutes, "each is refreshed two hours before it expires"
    refreshed = Counter(token.access.holder for token in used)
    assert sorted(refreshed.values()) == [2] * 6, "each of three tokens in two workspaces, after ten and twenty hours"
    for team_id in ("T0ACME", "T0BIRCH"):
        installed = store.installations.find_installation(enterprise_id=None, team_id=team_id)
        assert installed is not None
        assert all(world.tokens[token or ""].is_live(clock()) for token in (installed.bot_token, installed.user_token))
