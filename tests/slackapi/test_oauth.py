"""The OAuth client: the authorize URL cannot be extended from outside, and no error contains a token."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import OAuthError, SlackUnavailable
from latchkey.slackapi.client.factory import WebClients
from latchkey.slackapi.oauth import OAuthClient, links
from tests.slackapi.served import served

GOOD = {
    "ok": True, "app_id": "A1", "access_token": "xoxb-sentinel", "token_type": "bot", "scope": "chat:write", "bot_user_id": "UB",
    "team": {"id": "T1", "name": "Acme"}, "enterprise": None, "authed_user": {"id": "U1"}, "is_enterprise_install": False,
}  # fmt: skip


def client(web_clients: Any = None) -> OAuthClient:
    return OAuthClient(
        web_clients, client_id="1.2", client_secret="sentinel-secret", scopes=["chat:write", "a b"], user_scopes=["x"],
        redirect_uri="https://app.example.com/cb?x=1&y=2", authorize_url="https://slack.com/oauth/v2/authorize",
        timeout=0.3, clock=lambda: 1_700_000_000.25,
    )  # fmt: skip


@given(state=st.text(min_size=1), team=st.none() | st.text())
def test_the_authorize_url_contains_only_the_given_values(state: str, team: str | None) -> None:
    state = state.encode("utf-8", "replace").decode()
    query = parse_qs(urlsplit(client().authorize_url(state, team)).query, keep_blank_values=True)
    assert query["state"] == [state]
    assert query["redirect_uri"] == ["https://app.example.com/cb?x=1&y=2"]
    assert query["scope"] == ["chat:write,a b"]
    assert query.keys() - {"team"} == {"client_id", "scope", "user_scope", "redirect_uri", "state"}


def with_slack(
    answer: Any,
    use: Callable[[OAuthClient], Awaitable[Any]],
    status: int = 200,
    delay: float = 0,
    headers: dict[str, str] | None = None,
) -> tuple[Any, list[Any]]:
    """Run `use` with a client whose Slack responds with this document; returns its result and the calls.

    A text is sent as it is, and so are bytes, as JSON; an iterator gives one answer after another.
    """
    calls: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        calls.append((request.path, dict(await request.post()), request.headers.get("Authorization", "")))
        await asyncio.sleep(delay)
        document = next(answer) if isinstance(answer, Iterator) else answer
        if isinstance(document, str):
            return web.Response(text=document, status=status)
        if isinstance(document, bytes):
            return web.Response(body=document, status=status, headers=headers, content_type="application/json")
        return web.json_response(document, status=status)

    async def run() -> Any:
        async with served(handle) as url, WebClients(api_url=f"{url}/api/") as clients:
            return await use(client(clients))

    return asyncio.run(run()), calls


def test_a_code_is_exchanged_with_the_credentials_and_the_same_redirect_uri() -> None:
    installation, calls = with_slack(GOOD, lambda oauth: oauth.exchange("the-code"))
    assert (installation.team_id, installation.bot_token, installation.user_id) == ("T1", "xoxb-sentinel", "U1")
    assert installation.installed_at == 1_700_000_000.25
    assert installation.bot_scopes == ["chat:write"]
    (path, form, authorization), *others = calls
    assert not others
    assert path == "/api/oauth.v2.access"
    assert (form["code"], form["redirect_uri"]) == ("the-code", "https://app.example.com/cb?x=1&y=2")
    assert authorization.startswith("Basic ")


def test_an_org_wide_response_has_no_team() -> None:
    answer = {**GOOD, "team": None, "enterprise": {"id": "E1", "name": "Org"}, "is_enterprise_install": True}
    installation, _ = with_slack(answer, lambda oauth: oauth.exchange("c"))
    assert (installation.enterprise_id, installation.team_id, installation.is_enterprise_install) == ("E1", None, True)


def test_expiring_tokens_keep_their_refresh_tokens_and_expiry() -> None:
    user = {"id": "U1", "access_token": "xoxe.xoxp-1", "refresh_token": "xoxe-1-u", "expires_in": 100, "scope": "x,y"}
    answer = {**GOOD, "refresh_token": "xoxe-1-b", "expires_in": 43200, "authed_user": user}
    installation, _ = with_slack(answer, lambda oauth: oauth.exchange("c"))
    assert (installation.bot_refresh_token, installation.bot_token_expires_at) == ("xoxe-1-b", 1_700_043_200)
    assert (installation.user_refresh_token, installation.user_token_expires_at) == ("xoxe-1-u", 1_700_000_100)


@pytest.mark.parametrize(
    "change",
    [
        {"authed_user": None},
        {"authed_user": {"id": 7}},
        {"access_token": None},
        {"access_token": 7},
        {"team": None},
        {"team": "T1"},
    ],
)
def test_a_malformed_response_raises_an_error_that_shows_none_of_it(change: dict[str, Any]) -> None:
    with pytest.raises(SlackUnavailable, match="its response lacks a user, a token or a workspace") as caught:
        with_slack({**GOOD, **change}, lambda oauth: oauth.exchange("c"))
    assert "sentinel" not in repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("answer", "status", "error", "said"),
    [
        ({"ok": False, "error": "invalid_code"}, 200, OAuthError, "invalid_code"),
        ({"ok": False, "error": "<script>sentinel"}, 200, OAuthError, "unexpected_response"),
        ({"ok": False}, 200, OAuthError, "unexpected_response"),
        ({"ok": False, "error": "fatal_error"}, 500, SlackUnavailable, "500"),
        ({"ok": False, "error": "ratelimited"}, 429, SlackUnavailable, "429"),
        ("<html>sentinel</html>", 200, (OAuthError, SlackUnavailable), ""),
        ("<html>sentinel</html>", 503, (OAuthError, SlackUnavailable), ""),
    ],
)
def test_slacks_errors_are_raised_and_the_code_is_sent_once(answer: Any, status: int, error: Any, said: str) -> None:
    calls: list[Any] = []

    async def exchange(oauth: OAuthClient) -> Any:
        try:
            return await oauth.exchange("c")
        except (OAuthError, SlackUnavailable) as raised:
            return raised

    raised, calls = with_slack(answer, exchange, status)
    assert isinstance(raised, error)
    assert said in str(raised)
    assert "sentinel" not in repr(raised)
    assert raised.__suppress_context__
    assert len(calls) == 1


def test_a_slow_slack_is_unavailable_and_the_code_is_sent_once() -> None:
    async def exchange(oauth: OAuthClient) -> Any:
        with pytest.raises(SlackUnavailable):
            await oauth.exchange("c")

    _, calls = with_slack(GOOD, exchange, delay=1)
    assert len(calls) == 1


def test_a_refused_connection_is_unavailable() -> None:
    async def run() -> None:
        async with WebClients(api_url="http://127.0.0.1:9/api/") as clients:
            oauth = client(clients)
            await oauth.exchange("c")

    with pytest.raises(SlackUnavailable):
        asyncio.run(run())


def test_links_after_an_install() -> None:
    assert links(Installation(user_id="U", app_id="A1", team_id="T1")) == (
        "slack://app?team=T1&id=A1",
        "https://app.slack.com/client/T1",
    )
    assert links(Installation(user_id="U", team_id="T1")).app == "slack://open"
    org = Installation(user_id="U", app_id="A1", enterprise_id="E1", is_enterprise_install=True)
    assert links(org).browser == "https://app.slack.com/manage/E1/integrations/profile/A1/workspaces/add"


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://hooks.slack.com/commands/1", True), ("https://hooks.slack-gov.com/x", True),
        ("http://127.0.0.1:9/response/x", True), ("http://hooks.slack.com/x", False), ("https://evil.example/x", False),
        ("https://hooks.slack.com.evil.example/x", False), ("https://slack.com@evil.example/", False),
        ("https://hooks.slack.com:8443/x", False), ("http://127.0.0.1:10/x", False), ("http://169.254.169.254/", False),
        ("file:///etc/passwd", False), ("https://evilslack.com/", False), ("http://[::1", False), ("", False),
    ],
)  # fmt: skip
def test_a_response_url_is_followed_only_to_slack(url: str, taken: bool) -> None:
    clients = WebClients(api_url="http://127.0.0.1:9/api/")
    assert clients._is_slacks(url) is taken
