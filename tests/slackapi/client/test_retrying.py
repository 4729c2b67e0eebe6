"""Which calls to Slack are retried, when, and which never are."""

import asyncio
import io
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from latchkey.slackapi.client import retrying
from latchkey.slackapi.client.factory import WebClients
from latchkey.slackapi.client.rate_limits import RateLimits
from latchkey.slackapi.client.retrying import is_safe_to_retry
from latchkey.slackapi.requests import WorkspaceId
from tests.slackapi.served import served

ACME, BIRCH = WorkspaceId(None, "T0ACME", False), WorkspaceId(None, "T0BIRCH", False)
Scripted = tuple[int, dict[str, str]] | str
OK: Scripted = (200, {})
LIMITED: Scripted = (429, {"Retry-After": "2"})
DISCONNECT = "disconnect"


class Script:
    """A Slack that gives each method's scripted responses, and then succeeds."""

    def __init__(self, **responses: list[Scripted]) -> None:
        self.responses = {name.replace("_", "."): list(given) for name, given in responses.items()}
        self.calls: Counter[str] = Counter()
        self.slept: list[float] = []

    async def handle(self, request: web.Request) -> web.Response:
        method = request.path.rpartition("/")[2]
        self.calls[method] += 1
        responses = self.responses.get(method)
        response = responses.pop(0) if responses else OK
        if isinstance(response, str):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        status, headers = response
        error = {} if status == 200 else {"error": "ratelimited" if status == 429 else "fatal_error"}
        return web.json_response({"ok": status == 200, **error}, status=status, headers=headers)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def run(self, use: Callable[[Callable[[WorkspaceId], AsyncWebClient]], Awaitable[Any]]) -> Any:
        """Run `use` against this Slack, with a function that makes a workspace's client."""
        now = 0.0

        async def sleep(seconds: float) -> None:
            nonlocal now
            self.slept.append(seconds)
            now += seconds

        async def live() -> Any:
            limits = RateLimits(clock=lambda: now, sleep=sleep)
            async with served(self.handle) as url, WebClients(api_url=f"{url}/api/", limits=limits) as clients:
                return await use(lambda workspace: clients.retrying_client("xoxb-sentinel", workspace))

        return asyncio.run(live())


def test_a_limited_call_waits_as_long_as_slack_asks_and_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    slack = Script(chat_postMessage=[LIMITED, LIMITED])

    async def use(client: Any) -> None:
        assert (await client(ACME).chat_postMessage(channel="C1", text="hello"))["ok"]

    with caplog.at_level(logging.WARNING):
        slack.run(use)
    assert slack.calls == {"chat.postMessage": 3}
    assert slack.slept == [2, 2]
    assert "Slack rate-limits chat.postMessage for 2 s" in caplog.text
    assert "sentinel" not in caplog.text


def test_a_limit_applies_to_one_method_of_one_workspace() -> None:
    slack = Script(chat_postMessage=[LIMITED])

    async def use(client: Any) -> None:
        await client(ACME).chat_postMessage(channel="C1", text="hello")
        assert slack.slept == [2]
        await client(BIRCH).chat_postMessage(channel="C1", text="hello")
        await client(ACME).reactions_add(channel="C1", name="tada", timestamp="1.2")
        assert slack.slept == [2]

    slack.run(use)


def test_a_limit_that_lasts_too_long_raises_at_once() -> None:
    slack = Script(chat_postMessage=[(429, {"Retry-After": "900"})])

    async def use(client: Any) -> None:
        with pytest.raises(SlackApiError) as caught:
            await client(ACME).chat_postMessage(channel="C1", text="hello")
        assert caught.value.response["error"] == "ratelimited"

    slack.run(use)
    assert slack.slept == []


@pytest.mark.parametrize("retry_after", [{}, {"Retry-After": "soon"}, {"Retry-After": "-5"}])
def test_a_limit_without_a_duration_lasts_one_second(retry_after: dict[str, str]) -> None:
    slack = Script(chat_postMessage=[(429, retry_after)])

    async def use(client: Any) -> None:
        await client(ACME).chat_postMessage(channel="C1", text="hello")

    slack.run(use)
    assert slack.slept == [1]


@pytest.mark.parametrize("fault", [(500, {}), (503, {}), DISCONNECT])
def test_only_calls_that_are_safe_to_retry_are_retried_after_a_failure(fault: Scripted) -> None:
    slack = Script(chat_postMessage=[fault], conversations_list=[fault, fault], views_publish=[fault])

    async def use(client: Any) -> None:
        with pytest.raises((SlackApiError, aiohttp.ClientConnectionError)):
            await client(ACME).chat_postMessage(channel="C1", text="hello")
        assert slack.slept == []
        assert (await client(ACME).conversations_list())["ok"]
        assert (await client(ACME).views_publish(user_id="U1", view={"type": "home", "blocks": []}))["ok"]

    slack.run(use)
    assert slack.calls == {"chat.postMessage": 1, "conversations.list": 3, "views.publish": 2}


def test_a_persistent_failure_is_raised_after_two_retries() -> None:
    slack = Script(conversations_list=[(500, {})] * 9)

    async def use(client: Any) -> None:
        with pytest.raises(SlackApiError):
            await client(ACME).conversations_list()

    slack.run(use)
    assert slack.calls["conversations.list"] == 3
    assert 0.5 <= slack.slept[0] <= 0.75
    assert 2 <= slack.slept[1] <= 3


def test_a_connection_that_cannot_be_opened_is_retried_for_every_method() -> None:
    slack = Script()

    async def use(client: Any) -> None:
        unreachable = client(ACME)
        unreachable.base_url = "http://127.0.0.1:9/api/"
        with pytest.raises(aiohttp.ClientConnectorError):
            await unreachable.chat_postMessage(channel="C1", text="hello")

    slack.run(use)
    assert len(slack.slept) == len(retrying.RETRY_DELAYS_SECONDS)


def test_further_pages_are_retried_like_the_first() -> None:
    slack = Script()
    responses = [
        web.json_response({"ok": True, "response_metadata": {"next_cursor": "more"}}),
        web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "3"}),
        web.json_response({"ok": True}),
    ]

    async def handle(request: web.Request) -> web.Response:
        return responses.pop(0)

    slack.handle = handle  # type: ignore[method-assign]

    async def use(client: Any) -> int:
        return len([page async for page in await client(ACME).conversations_list(limit=1)])

    assert slack.run(use) == 2
    assert slack.slept == [3]


def test_an_open_file_is_sent_once() -> None:
    slack = Script(files_upload=[LIMITED])

    async def use(client: Any) -> None:
        with pytest.raises(SlackApiError):
            await client(ACME).api_call("files.upload", files={"file": io.BytesIO(b"content")}, data={})

    slack.run(use)
    assert slack.calls == {"files.upload": 1}


@pytest.mark.parametrize(
    ("method", "safe"),
    [
        ("auth.test", True), ("conversations.history", True), ("users.lookupByEmail", True), ("users.getPresence", True),
        ("chat.getPermalink", True), ("search.messages", True), ("usergroups.users.list", True), ("users.profile.get", True),
        ("files.getUploadURLExternal", True), ("views.publish", True), ("chat.update", True),
        ("chat.postMessage", False), ("chat.postEphemeral", False), ("chat.delete", False), ("chat.scheduleMessage", False),
        ("views.open", False), ("reactions.add", False), ("conversations.create", False), ("oauth.v2.access", False),
        ("files.completeUploadExternal", False), ("reminders.add", False), ("users.profile.set", True),
        ("conversations.listConnectInvites", False), ("forgets.x", False), ("widget", False),
    ],
)  # fmt: skip
def test_which_methods_are_safe_to_retry(method: str, safe: bool) -> None:
    assert is_safe_to_retry(method) is safe
