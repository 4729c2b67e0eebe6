"""Listeners that outlive their token, such as an agent that works for hours."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from latchkey.dispatch import App
from latchkey.simulator import Slack
from latchkey.simulator.tokens import TOKEN_SECONDS
from latchkey.storage import Store
from tests.support.clocks import Clock
from tests.support.waiting import until
from tests.tokens.issuing import save_pairs


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"ack_timeout": 20}


@pytest.fixture
def slack(slack: Slack, store: Store, clock: Clock) -> Slack:
    slack.turn_token_rotation_on()
    save_pairs(slack, store, "T0ACME", "U0ALICE", clock.now)
    return slack


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("is_async", [True, False])
async def test_clients_replace_tokens_that_expire_while_a_listener_runs(
    http_server: object, slack: Slack, listeners: App, clock: Clock, is_async: bool
) -> None:
    failed: list[Exception] = []
    message = {"channel": "C0GENERAL", "text": "x"}

    def next_day() -> None:
        clock.now += TOKEN_SECONDS + 60

    async def agent(client: Any, user_client: Any, client_for: Any) -> None:
        clients = [client, user_client, await client_for(None, "T0ACME"), await client_for(None, "T0ACME", "U0ALICE")]
        try:
            for _ in range(3):
                for each in clients:
                    await each.chat_postMessage(**message)
                next_day()
        except Exception as error:
            failed.append(error)

    def blocking_agent(client: Any, user_client: Any, client_for: Any) -> None:
        clients = [client, user_client, client_for(None, "T0ACME"), client_for(None, "T0ACME", "U0ALICE")]
        try:
            for _ in range(3):
                for each in clients:
                    each.chat_postMessage(**message)
                next_day()
        except Exception as error:
            failed.append(error)

    listeners.event("app_mention")(agent if is_async else blocking_agent)
    event = {"type": "app_mention", "user": "U0ALICE", "text": "x", "channel": "C0GENERAL", "ts": "1.2"}
    assert (await slack.sender.event(slack.workspace(), event)).status == 200
    await until(lambda: failed or len(slack.world.messages) == 12, 15)
    assert failed == []
    authors = [posted.author for posted in slack.world.messages]
    assert authors.count("U0ALICE") == 6
    assert max(token.sent for token in slack.world.refresh_tokens.values()) == 1


@pytest.mark.gen_test
async def test_a_call_with_a_token_of_its_own_never_gets_another(
    http_server: object, slack: Slack, store: Store, listeners: App, clock: Clock
) -> None:
    alice = store.installations.find_user_token(None, "T0ACME", user_id="U0ALICE")
    assert alice is not None
    client = await listeners.client_for(None, "T0ACME")
    clock.now += TOKEN_SECONDS + 60
    with pytest.raises(SlackApiError, match="token_expired"):
        await client.chat_postMessage(channel="C0GENERAL", text="x", token=alice.token)
    assert slack.world.messages == []
