"""A mounted app in workspaces that have it in unusual ways: only people's tokens, expired tokens, a whole org."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk.oauth.installation_store import Installation

from latchkey.handlers import Services
from latchkey.simulator import Slack, Token
from latchkey.simulator.tokens import TOKEN_SECONDS
from latchkey.storage import Store
from tests.bolt.flavours import both_flavours, fit, new_app
from tests.support.clocks import Clock
from tests.support.counts import count
from tests.support.waiting import until
from tests.tokens.issuing import save_pairs

Mount = Callable[[Any], Any]


def speaking_app(is_async: bool, used: list[Any]) -> Any:
    """Return an app without a token of its own that says something at each mention, with notes on its context."""
    settings: Any = AsyncOAuthSettings if is_async else OAuthSettings
    app = new_app(is_async, oauth_settings=settings(client_id="1.2", client_secret="s"))

    def mention(context: Any, client: Any, say: Any) -> Any:
        used.append((context.authorize_result, context.token, client.token))
        return say("heard")

    app.event("app_mention")(fit(app, mention))
    return app


def mention(user_id: str) -> dict[str, Any]:
    return {"type": "app_mention", "user": user_id, "text": "x", "channel": "C0GENERAL", "ts": "1.2"}


def said(slack: Slack) -> list[tuple[str, str]]:
    return [(message.author, message.text) for message in slack.world.messages]


@pytest.mark.gen_test
@both_flavours
async def test_an_app_without_a_bot_acts_as_the_person_who_acts(
    slack: Slack, mount: Mount, store: Store, services: Services, is_async: bool
) -> None:
    used: list[Any] = []
    mount(speaking_app(is_async, used))
    acme = slack.workspace()
    alices = slack.world.issue_token("xoxp", Token(acme, "U0ALICE", False, False, "chat:write"))
    store.installations.save(
        Installation(app_id="A0LATCHKEY", team_id="T0ACME", user_id="U0ALICE", user_token=alices, installed_at=1.0)
    )
    await slack.sender.event(acme, mention("U0ALICE"))
    await until(lambda: said(slack) == [("U0ALICE", "heard")])
    [(found, token, client_token)] = used
    assert (found.bot_token, found.user_token, token, client_token) == (None, alices, alices, alices)
    await slack.sender.event(acme, mention("U0BOB"))  # he has not authorized the app
    await until(lambda: count(services.metrics, "events_finished") == 2)
    assert len(used) == 1


@pytest.mark.gen_test
@both_flavours
async def test_expired_tokens_are_refreshed_before_a_listener_runs(
    slack: Slack, mount: Mount, store: Store, clock: Clock, is_async: bool
) -> None:
    used: list[Any] = []
    mount(speaking_app(is_async, used))
    slack.turn_token_rotation_on()
    clock.now -= TOKEN_SECONDS
    old = save_pairs(slack, store, "T0ACME", "U0ALICE", clock.now)
    clock.now += TOKEN_SECONDS
    await slack.sender.event(slack.workspace(), mention("U0ALICE"))
    await until(lambda: said(slack) == [("UBOT", "heard")])
    [(found, token, client_token)] = used
    saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME", user_id="U0ALICE")
    assert saved is not None
    assert saved.bot_token != old.bot_token
    assert saved.user_token != old.user_token
    assert (found.bot_token, found.user_token) == (saved.bot_token, saved.user_token)
    assert token == client_token == saved.bot_token


@pytest.mark.gen_test
@both_flavours
async def test_an_org_wide_installation_is_used_in_each_workspace_of_the_org(
    slack: Slack, mount: Mount, store: Store, is_async: bool
) -> None:
    used: list[Any] = []
    mount(speaking_app(is_async, used))
    cedar = slack.workspace("T0CEDAR")
    token = slack.world.issue_token("xoxb", Token(cedar, "UBOTORG", True, True, "chat:write"))
    store.installations.save(
        Installation(
            app_id="A0LATCHKEY", enterprise_id="E0FOREST", user_id="U0ALICE", bot_token=token, bot_id="B0ORG",
            bot_user_id="UBOTORG", bot_scopes=["chat:write"], is_enterprise_install=True, installed_at=1.0,
        )
    )  # fmt: skip
    await slack.sender.event(cedar, mention("U0ALICE"))
    await until(lambda: said(slack) == [("UBOTORG", "heard")])
    [(found, used_token, client_token)] = used
    assert (found.enterprise_id, found.bot_token, found.bot_id) == ("E0FOREST", token, "B0ORG")
    assert used_token == client_token == token
