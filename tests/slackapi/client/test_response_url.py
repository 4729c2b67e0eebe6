"""A response_url takes five messages within 30 minutes; later ones raise an error that says so."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from latchkey.config import Proxies
from latchkey.errors import ResponseUrlSpent, SlackUnavailable, SlackUnreachable
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.client.response_url import ResponseUrl, response_url_of
from tests.support.clocks import Clock
from tests.support.network.connect_proxy import connect_proxy

URL = "https://hooks.slack.com/commands/sentinel"


class Posts:
    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.error: Exception | None = None

    async def __call__(self, url: str, message: Mapping[str, Any]) -> None:
        assert url == URL
        self.sent.append(message)
        if self.error:
            raise self.error


def test_the_sixth_message_is_not_sent() -> None:
    posts = Posts()
    url = ResponseUrl(URL, posts, Clock(1.0))
    for number in range(5):
        asyncio.run(url.post({"text": str(number)}))
    with pytest.raises(ResponseUrlSpent, match="used 5 times") as caught:
        asyncio.run(url.post({"text": "one more"}))
    assert len(posts.sent) == 5
    assert "sentinel" not in str(caught.value)


def test_a_message_that_slack_refused_counts_too() -> None:
    posts = Posts()
    posts.error = SlackUnavailable("response_url", "status 500")
    url = ResponseUrl(URL, posts, Clock(1.0))
    for _ in range(5):
        with pytest.raises(SlackUnavailable):
            asyncio.run(url.post({}))
    with pytest.raises(ResponseUrlSpent):
        asyncio.run(url.post({}))


def test_a_message_that_was_not_sent_does_not_count() -> None:
    posts = Posts()
    url = ResponseUrl(URL, posts, Clock(1.0))
    posts.error = SlackUnreachable("response_url", "ClientConnectorError")
    for _ in range(7):
        with pytest.raises(SlackUnreachable):
            asyncio.run(url.post({"text": "x"}))
    with pytest.raises(TypeError, match="object"):
        asyncio.run(url.post({"blocks": [object()]}))
    posts.error = None
    for _ in range(5):
        asyncio.run(url.post({"text": "x"}))
    with pytest.raises(ResponseUrlSpent):
        asyncio.run(url.post({"text": "x"}))


@pytest.mark.parametrize(
    ("api_url", "url", "proxy"),
    [
        ("http://localhost:9/api/", "http://localhost:9/response/x", None),
        ("https://slack.com/api/", "https://hooks.slack.com/x", "http://127.0.0.1:9"),
        ("https://slack.com/api/", "https://hooks.slack.com/x", "http://127.0.0.1:{port}"),
        ("https://slack.com/api/", "https://example.com/x", None),
    ],
    ids=["refused", "proxy refused", "proxy refuses", "not Slack's"],
)
def test_a_response_without_a_connection_was_not_sent(api_url: str, url: str, proxy: str | None) -> None:
    async def respond() -> None:
        async with connect_proxy({}) as refusing:
            environ = {"HTTPS_PROXY": proxy.format(port=refusing.port)} if proxy else {}
            async with WebClients(api_url=api_url, proxy_for=Proxies(environ).arguments) as clients:
                await clients.post_response_url(url, {"text": "x"})

    with pytest.raises(SlackUnreachable):
        asyncio.run(respond())


def test_expires_after_thirty_minutes() -> None:
    clock, posts = Clock(1.0), Posts()
    url = ResponseUrl(URL, posts, clock)
    clock.now += 1799.9
    asyncio.run(url.post({}))
    clock.now += 0.1
    with pytest.raises(ResponseUrlSpent, match="30 minutes"):
        asyncio.run(url.post({}))


@pytest.mark.parametrize(
    ("body", "url"),
    [
        ({"response_url": URL}, URL),
        ({"response_urls": [{"response_url": URL}, {"response_url": "other"}]}, URL),
        ({"response_url": ""}, None), ({"response_url": 5}, None), ({"response_urls": []}, None),
        ({"response_urls": [None]}, None), ({"response_urls": {}}, None), ({}, None),
    ],
)  # fmt: skip
def test_finds_the_response_url_of_a_payload(body: dict[str, Any], url: str | None) -> None:
    assert response_url_of(body) == url
