"""Installs of a mounted app: what its OAuth settings say, and what its success and failure handlers answer."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import BoltResponse
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.oauth.callback_options import CallbackOptions
from slack_bolt.oauth.oauth_settings import OAuthSettings
from tornado.httpclient import HTTPResponse

from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from tests.bolt.flavours import both_flavours, fit, new_app
from tests.handlers.install.flow import authorize_url

Mount = Callable[[Any], Any]


def app_with(is_async: bool, success: Callable[[Any], Any], failure: Callable[[Any], Any]) -> Any:
    """Return an app with these handlers."""
    kind: Any = AsyncOAuthSettings if is_async else OAuthSettings
    pair: Any = AsyncCallbackOptions if is_async else CallbackOptions
    bare = new_app(is_async)  # `fit` needs an app of the flavour
    options = pair(success=fit(bare, success), failure=fit(bare, failure))
    return new_app(is_async, oauth_settings=kind(client_id="1.2", client_secret="s", callback_options=options))


def refuse(_: Any) -> None:
    raise AssertionError("not expected")


async def install(browser: Browser, base_url: str, slack: Slack) -> HTTPResponse:
    """Allow the app, and return the response to the callback."""
    return await browser.get(slack.approve(await authorize_url(browser, base_url)))


@pytest.mark.gen_test
@both_flavours
async def test_the_apps_success_handler_answers_a_finished_install(
    browser: Browser,
    base_url: str,
    slack: Slack,
    store: Store,
    mount: Mount,
    is_async: bool,
) -> None:
    def success(args: Any) -> BoltResponse:
        saved = store.installations.find_bot(enterprise_id=None, team_id=args.installation.team_id)
        assert saved is not None
        assert (saved.bot_token, args.installation.bot_id) == (args.installation.bot_token, "B0ACME")
        assert args.settings.client_id == "1.2"
        headers = {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": ["a=1", "b=2"], "X-Robots-Tag": "all"}
        return BoltResponse(status=201, body=f"<b>{args.request.query['state'][0][:1]}</b>", headers=headers)

    mount(app_with(is_async, success, refuse))
    page = await install(browser, base_url, slack)
    assert (page.code, page.headers["Content-Type"]) == (201, "text/html; charset=utf-8")
    assert page.body.startswith(b"<b>")
    assert page.headers.get_list("X-Robots-Tag") == ["all"]
    assert "Content-Security-Policy" not in page.headers  # the author's page may load what it needs
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert {"a", "b"} <= browser.cookies.keys()


@pytest.mark.gen_test
@both_flavours
async def test_the_apps_handler_may_redirect_and_use_bolts_page(
    browser: Browser,
    base_url: str,
    slack: Slack,
    mount: Mount,
    is_async: bool,
) -> None:
    def success(args: Any) -> Any:
        return BoltResponse(status=302, headers={"Location": "https://example.com/welcome"})

    mount(app_with(is_async, success, lambda args: args.default.failure(args)))
    page = await install(browser, base_url, slack)
    assert (page.code, page.headers["Location"]) == (302, "https://example.com/welcome")
    failed = await browser.get(f"{base_url}/slack/oauth/callback?state=x&code=y")
    assert (failed.code, b"invalid_state" in failed.body) == (401, True)


@pytest.mark.gen_test
@both_flavours
@pytest.mark.parametrize(
    ("query", "reason", "status"),
    [
        ("error=access_denied&state=x", "access_denied", 200),
        ("error=invalid_scope&state=x", "invalid_scope", 400),
        ("state=x&code=y", "invalid_state", 401),
        ("state=x&state=y&code=y", "invalid_request", 400),
    ],
)
async def test_the_apps_failure_handler_answers_a_failed_install(
    browser: Browser, base_url: str, slack: Slack, mount: Mount, is_async: bool,
    query: str, reason: str, status: int,
) -> None:  # fmt: skip
    def failure(args: Any) -> BoltResponse:
        return BoltResponse(status=args.suggested_status_code, body=f"{args.reason} {args.error}")

    mount(app_with(is_async, refuse, failure))
    page = await browser.get(f"{base_url}/slack/oauth/callback?{query}")
    assert (page.code, page.body.decode()) == (status, f"{reason} None")
    assert "text/plain" in page.headers["Content-Type"]


def hang(_: Any) -> None:
    import time

    time.sleep(0.7)


def end(_: Any) -> None:
    raise SystemExit(2)


def wrong_type(_: Any) -> str:
    return "<b>done</b>"


@pytest.mark.gen_test
@both_flavours
@pytest.mark.parametrize("handler", [refuse, end, wrong_type])
async def test_a_handler_that_fails_is_logged_and_our_page_takes_its_place(
    browser: Browser, base_url: str, slack: Slack, store: Store, mount: Mount, is_async: bool,
    handler: Callable[[Any], Any], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    mount(app_with(is_async, handler, handler))
    callback = slack.approve(await authorize_url(browser, base_url))
    page = await browser.open(callback)
    assert (page.code, b"is installed" in page.body) == (200, True)
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None
    assert "the app's success handler raised" in caplog.text
    failed = await browser.get(f"{base_url}/slack/oauth/callback?state=x&code=y")
    assert (failed.code, b"has expired" in failed.body) == (401, True)
    assert "the app's failure handler raised" in caplog.text


@pytest.mark.gen_test
async def test_a_handler_that_hangs_is_logged_and_our_page_takes_its_place(
    browser: Browser,
    base_url: str,
    slack: Slack,
    mount: Mount,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mount(app_with(False, hang, hang))
    page = await browser.open(slack.approve(await authorize_url(browser, base_url)))
    assert (page.code, b"is installed" in page.body) == (200, True)
    assert "the app's success handler took longer than 0.5 s" in caplog.text
