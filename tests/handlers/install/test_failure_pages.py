"""The page for each way in which an install can fail: its status, what it says, and that no code was exchanged."""

import html
from urllib.parse import urlencode

import pytest

from latchkey.simulator import Browser, Slack
from latchkey.slackapi.oauth import OAuthClient
from latchkey.storage import Store
from tests.handlers.install.flow import CALLBACK, authorize_url, state_in


@pytest.mark.gen_test
async def test_cancel_shows_a_page_and_consumes_the_state(browser: Browser, base_url: str, slack: Slack) -> None:
    url = await authorize_url(browser, base_url)
    page = await browser.get(slack.cancel(url))
    assert page.code == 200
    assert b"You chose Cancel" in page.body
    assert (await browser.get(slack.approve(url))).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"error": "server_error"}, 400),
        ({"error": "<script>alert(1)</script>"}, 400),
        ({"state": "x" * 2000, "code": "1"}, 400),
        ({"state": "../../etc/passwd", "code": "1"}, 401),
        ({"state": "a\0b", "code": "1"}, 401),
        ({"state": "é", "code": "1"}, 401),
        ([("state", "a"), ("state", "b"), ("code", "1")], 400),
        ([("state", "a"), ("code", "1"), ("code", "2")], 400),
    ],
)
async def test_rejects_malformed_arguments_with_an_error_page(
    browser: Browser, base_url: str, slack: Slack, query: object, status: int
) -> None:
    page = await browser.get(f"{base_url}{CALLBACK}?{urlencode(query)}")  # type: ignore[arg-type]
    assert page.code == status
    assert b"Start again" in page.body
    assert page.headers["X-Request-Id"].encode() in page.body
    assert b"<script" not in page.body
    assert not slack.world.calls


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("code", "is_shown"),
    [
        ("invalid_scope", True),
        ("org_login_required", True),
        ("x" * 60, True),
        ("x" * 61, False),
        ("<b>bold</b>", False),
        ("Call 555 0100", False),
        ("a\u202eb", False),
        ("A" * 1000, False),
    ],
)
async def test_failure_page_shows_slacks_error_code_and_no_other_text(
    browser: Browser, base_url: str, slack: Slack, code: str, is_shown: bool
) -> None:
    page = await browser.get(f"{base_url}{CALLBACK}?{urlencode({'error': code})}")
    assert page.code == 400
    assert (f"<code>{code}</code>" in page.body.decode()) == is_shown
    assert (b"reason:" in page.body) == is_shown
    assert is_shown or html.escape(code).encode() not in page.body


@pytest.mark.gen_test
@pytest.mark.parametrize(("fault", "is_shown"), [("bad_client_secret", True), ("Surprise!", False)])
async def test_failure_page_shows_why_slack_refused_the_code(
    browser: Browser, base_url: str, slack: Slack, fault: str, is_shown: bool
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    slack.fail("oauth.v2.access", error=fault)
    page = await browser.get(callback)
    assert page.code == 401
    assert (f"<code>{fault}</code>".encode() in page.body) == is_shown
    assert b"unexpected_response" not in page.body, "that is not Slack's word"


@pytest.mark.gen_test
async def test_callback_without_code_exchanges_nothing(browser: Browser, base_url: str, slack: Slack) -> None:
    state = state_in(await authorize_url(browser, base_url))
    page = await browser.get(f"{base_url}{CALLBACK}?{urlencode({'state': state})}")
    assert page.code == 401
    assert b"no code" in page.body
    assert not slack.world.calls


@pytest.mark.gen_test
async def test_shows_error_page_if_slack_refuses_the_code(
    browser: Browser, base_url: str, slack: Slack, store: Store
) -> None:
    state = state_in(await authorize_url(browser, base_url))
    page = await browser.get(f"{base_url}{CALLBACK}?{urlencode({'state': state, 'code': 'wrong'})}")
    assert page.code == 401
    assert b"Slack refused the install" in page.body
    assert not store.installations.page().installations


@pytest.mark.gen_test
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"seconds": 2.0}])
async def test_shows_error_page_if_slack_does_not_answer_the_exchange(
    browser: Browser, base_url: str, slack: Slack, fault: dict[str, int]
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    slack.fail("oauth.v2.access", **fault)  # type: ignore[arg-type]
    page = await browser.get(callback)
    assert page.code == 502
    assert b"Slack did not answer" in page.body


@pytest.mark.gen_test
async def test_shows_error_page_if_the_store_cannot_save_the_installation(
    browser: Browser, base_url: str, slack: Slack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    exchange = OAuthClient.exchange

    async def exchange_and_lose_the_store(client: OAuthClient, code: str) -> object:
        installation = await exchange(client, code)
        store.close()
        return installation

    monkeypatch.setattr(OAuthClient, "exchange", exchange_and_lose_the_store)
    page = await browser.get(callback)
    assert page.code == 503
    assert b"cannot save right now" in page.body
