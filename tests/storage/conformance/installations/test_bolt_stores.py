"""Bolt's own idea of the stores holds for ours: both kinds of Bolt app install and authorize with them as they are."""

import asyncio
import html
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from slack_bolt import App, BoltRequest
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from latchkey.simulator import Slack, sign
from latchkey.storage import Store, open_store
from tests.storage.conformance.conftest import Paths

SIGNING_SECRET = "sentinel-signing"
CALLBACK = "http://localhost:9/slack/oauth_redirect"
OAUTH = {"client_id": "1.2", "client_secret": "sentinel-secret", "scopes": ["chat:write"], "redirect_uri": CALLBACK}

Ask = Callable[..., Awaitable[Any]]


def simulated_slack() -> Slack:
    slack = Slack(
        client_id="1.2",
        client_secret="sentinel-secret",
        signing_secret=SIGNING_SECRET,
        redirect_uris=[CALLBACK],
        events_url="",
    )
    slack.start()
    return slack


def sync_app(store: Store, slack: Slack, seen: list[str]) -> Ask:
    client = WebClient(base_url=slack.api_url)
    settings = OAuthSettings(
        **OAUTH,
        authorization_url=slack.authorize_url,
        installation_store=store.installations,
        state_store=store.states,
    )
    app = App(client=client, signing_secret=SIGNING_SECRET, oauth_settings=settings)
    assert app.oauth_flow is not None
    app.oauth_flow._client = client

    @app.event("app_mention")
    def mention(context: Any, client: WebClient) -> None:
        assert client.auth_test()["ok"]
        seen.append(context.bot_token)

    async def ask(what: str, **request: Any) -> Any:
        call = {"install": app.oauth_flow.handle_installation, "callback": app.oauth_flow.handle_callback}
        return await asyncio.to_thread(call.get(what, app.dispatch), BoltRequest(**request))

    return ask


def async_app(store: Store, slack: Slack, seen: list[str]) -> Ask:
    client = AsyncWebClient(base_url=slack.api_url)
    settings = AsyncOAuthSettings(
        **OAUTH,
        authorization_url=slack.authorize_url,
        installation_store=store.installations,
        state_store=store.states,
    )
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, oauth_settings=settings)
    flow = app.oauth_flow
    assert flow is not None
    flow._async_client = client

    @app.event("app_mention")
    async def mention(context: Any, client: AsyncWebClient) -> None:
        assert (await client.auth_test())["ok"]
        seen.append(context.bot_token)

    async def ask(what: str, **request: Any) -> Any:
        call = {"install": flow.handle_installation, "callback": flow.handle_callback}
        return await call.get(what, app.async_dispatch)(AsyncBoltRequest(**request))

    return ask


@pytest.mark.parametrize("make", [sync_app, async_app])
@pytest.mark.gen_test(timeout=20)
async def test_a_bolt_app_installs_and_authorizes_with_our_stores(paths: Paths, make: Callable[..., Ask]) -> None:
    store = open_store(*paths)
    slack, seen = simulated_slack(), []
    ask = make(store, slack, seen)

    page = await ask("install", body="", query="")
    cookie = page.headers["set-cookie"][0].partition(";")[0]
    link = re.search(rf'"({re.escape(slack.authorize_url)}[^"]*)"', page.body)
    assert link is not None
    callback = urlsplit(slack.approve(html.unescape(link[1])))
    request = {"body": "", "query": dict(parse_qsl(callback.query)), "headers": {"cookie": [cookie]}}
    done = await ask("callback", **request)
    assert done.status == 200, done.body
    replayed = await ask("callback", **request)
    assert replayed.status == 401, "a state was good twice"

    body = slack.sender.event_body(slack.workspace(), {"type": "app_mention", "user": "U0ALICE", "text": "hi"})
    timestamp = str(int(time.time()))
    headers = {
        "content-type": ["application/json"],
        "x-slack-request-timestamp": [timestamp],
        "x-slack-signature": [sign(SIGNING_SECRET, timestamp, body)],
    }
    answer = await ask("event", body=body.decode(), headers=headers)
    assert answer.status == 200
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.01)
    bot = await store.installations.async_find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    assert seen == [bot.bot_token]
    assert json.loads(body)["team_id"] == bot.team_id
    store.close()
    await slack.close()
