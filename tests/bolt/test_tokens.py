"""Whose tokens a mounted app gets: those of the store, then its own, unless it has a function `authorize`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk.oauth.installation_store import FileInstallationStore, Installation

from latchkey.bolt import BoltApp
from latchkey.handlers import Services
from latchkey.simulator import Slack, Token
from latchkey.storage import Store
from tests.bolt.flavours import both_flavours, new_app
from tests.support.counts import count
from tests.support.waiting import until

Mount = Callable[[Any], Any]


def tell_token(app: Any, used: list[Any]) -> Any:
    """Register a command that notes its tokens; returns the app."""

    def note(context: Any, client: Any) -> None:
        used.append((context.token, client.token, context.user_token, context.bot_user_id))

    if isinstance(app, AsyncApp):

        async def hi_async(ack: Any, context: Any, client: Any) -> None:
            note(context, client)
            await ack("hi")

        app.command("/hi")(hi_async)
    else:

        def hi(ack: Any, context: Any, client: Any) -> None:
            note(context, client)
            ack("hi")

        app.command("/hi")(hi)
    return app


@pytest.mark.gen_test
@both_flavours
async def test_the_stores_token_is_used_before_the_apps(
    installed: Slack, mount: Mount, store: Store, is_async: bool
) -> None:
    used: list[Any] = []
    mount(tell_token(new_app(is_async, token="xoxb-own"), used))
    answer = await installed.sender.command(installed.workspace(), "/hi")
    bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    assert (answer.body, used) == ("hi", [(bot.bot_token, bot.bot_token, None, bot.bot_user_id)])
    assert [call.method for call in installed.world.calls] == []


@pytest.mark.gen_test
@both_flavours
async def test_the_acting_persons_token_is_in_the_context(
    installed: Slack, mount: Mount, store: Store, is_async: bool
) -> None:
    used: list[Any] = []
    mount(tell_token(new_app(is_async, token="xoxb-own"), used))
    store.installations.save(
        Installation(app_id="A0LATCHKEY", team_id="T0ACME", user_id="U0ALICE", user_token="xoxp-alice",
                     bot_token="xoxb-2", bot_id="B0ACME", bot_user_id="UBOTACME")
    )  # fmt: skip
    await installed.sender.command(installed.workspace(), "/hi")
    assert used == [("xoxb-2", "xoxb-2", "xoxp-alice", "UBOTACME")]


@pytest.mark.gen_test
@both_flavours
async def test_the_apps_token_is_used_where_the_app_is_not_installed_here(
    slack: Slack, mount: Mount, is_async: bool
) -> None:
    used: list[Any] = []
    acme = slack.workspace()
    own = slack.world.issue_token("xoxb", Token(acme, "UBOTACME", True, False, "chat:write,commands"))
    mount(tell_token(new_app(is_async, token=own), used))
    for _ in range(2):
        assert (await slack.sender.command(acme, "/hi")).body == "hi"
    assert [(token, client) for token, client, _, _ in used] == [(own, own)] * 2
    # Once, and not for each request.
    assert [call.method for call in slack.world.calls] == ["auth.test"]


@pytest.mark.gen_test
@both_flavours
async def test_without_any_token_people_are_asked_to_install_the_app(
    slack: Slack, mount: Mount, is_async: bool
) -> None:
    used: list[Any] = []
    settings = (AsyncOAuthSettings if is_async else OAuthSettings)(client_id="1.2", client_secret="s")
    mounted = mount(tell_token(new_app(is_async, oauth_settings=settings), used))
    assert not mounted.brings_tokens
    answer = await slack.sender.command(slack.workspace(), "/hi")
    assert "Please install this app first!" in answer.body
    assert used == []


@pytest.mark.gen_test
@both_flavours
async def test_a_function_authorize_decides_although_the_store_has_a_token(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    used: list[Any] = []
    result = AuthorizeResult(enterprise_id=None, team_id="T0ACME", bot_token="xoxb-theirs", bot_user_id="UBOT")

    async def authorize_async(team_id: str) -> AuthorizeResult:
        return result

    app = new_app(is_async, authorize=authorize_async if is_async else lambda team_id: result)
    mounted = mount(tell_token(app, used))
    await installed.sender.command(installed.workspace(), "/hi")
    assert used == [("xoxb-theirs", "xoxb-theirs", None, "UBOT")]
    assert "authorize function of its own" in mounted.warning


@pytest.mark.gen_test
async def test_an_apps_own_store_is_asked_where_the_app_is_not_installed_here(
    slack: Slack, mount: Mount, tmp_path: Path
) -> None:
    used: list[Any] = []
    acme = slack.workspace()
    own = slack.world.issue_token("xoxb", Token(acme, "UBOTACME", True, False, "chat:write,commands"))
    theirs = FileInstallationStore(base_dir=str(tmp_path / "theirs"))
    theirs.save(Installation(team_id="T0ACME", user_id="U0ALICE", bot_token=own, bot_id="B1", bot_user_id="UBOTACME"))
    settings = OAuthSettings(client_id="1.2", client_secret="s", installation_store=theirs)
    mounted = mount(tell_token(new_app(is_async=False, oauth_settings=settings), used))
    assert (await slack.sender.command(acme, "/hi")).body == "hi"
    assert used[0][0] == own
    assert "installation_store of its own" in mounted.warning


@pytest.mark.gen_test
async def test_an_events_own_messages_are_bolts_to_ignore(installed: Slack, mount: Mount, services: Services) -> None:
    texts: list[str] = []
    app = new_app(is_async=False, token="xoxb-own")
    app.event("message")(lambda event: texts.append(event["text"]))
    mount(app)
    acme = installed.workspace()
    for user, text in ((installed.world.bot_user_id(acme), "mine"), ("U0ALICE", "hers")):
        await installed.sender.event(acme, {"type": "message", "user": user, "text": text, "channel": "C0GENERAL"})
    await until(lambda: count(services.metrics, "events_finished") == 2)
    assert texts == ["hers"]


def test_the_repr_of_a_mounted_app_shows_no_token() -> None:
    assert "xoxb-own" not in repr(BoltApp("m:app", new_app(is_async=False, token="xoxb-own")))
