"""GET /slack/oauth/callback: its checks, in order, and that later failures never lose fresh tokens."""

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from tests.handlers.install.flow import CALLBACK, authorize_url, state_in
from tests.support.clocks import Clock


@pytest.mark.gen_test
async def test_install_is_saved_completely_and_links_to_slack(
    browser: Browser, base_url: str, slack: Slack, store: Store
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    page = await browser.open(callback)
    assert page.code == 200
    assert b"slack://app?team=T0ACME&amp;id=A0LATCHKEY" in page.body
    assert b"https://app.slack.com/client/T0ACME" in page.body
    saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
    assert saved is not None
    assert saved.bot_token in slack.world.tokens
    assert (saved.bot_id, saved.team_name, saved.bot_scopes) == ("B0ACME", "Acme", ["chat:write", "commands"])
    assert list(browser.cookies) == ["latchkey-installed"]


@pytest.mark.gen_test
async def test_accepts_bolts_callback_path(browser: Browser, base_url: str, slack: Slack, store: Store) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    page = await browser.open(callback.replace(CALLBACK, "/slack/oauth_redirect"))
    assert page.code == 200


@pytest.mark.gen_test
async def test_installs_in_two_tabs_both_succeed(browser: Browser, base_url: str, slack: Slack) -> None:
    first, second = [await authorize_url(browser, base_url) for _ in range(2)]
    for url, team in ((first, "T0ACME"), (second, "T0BIRCH")):
        assert (await browser.open(slack.approve(url, team))).code == 200


@pytest.mark.gen_test
async def test_rejects_state_from_another_browser_without_exchanging_the_code(
    browser: Browser, base_url: str, slack: Slack, store: Store
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    victim = Browser()
    await victim.get(base_url + "/slack/install")
    page = await victim.get(callback)
    victim.close()
    assert page.code == 400
    assert b"another browser" in page.body
    assert not slack.world.calls
    assert (await browser.get(callback)).code == 401, "the failed attempt consumed the state"


@pytest.mark.gen_test
async def test_rejects_cookie_of_another_attempt(browser: Browser, base_url: str, slack: Slack) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    name = next(iter(browser.cookies))
    browser.cookies[name] = "0" * 51
    assert (await browser.get(callback)).code == 400


@pytest.mark.gen_test
async def test_rejects_used_callback(browser: Browser, base_url: str, slack: Slack) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    cookies = dict(browser.cookies)
    await browser.get(callback)
    browser.cookies = cookies
    page = await browser.get(callback)
    assert page.code == 401
    assert b"has expired" in page.body


@pytest.mark.gen_test
async def test_only_one_of_twenty_concurrent_callbacks_with_one_state_installs(
    browser: Browser, base_url: str, slack: Slack
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    browser.cookies = {}
    pages = await asyncio.gather(*(browser.get(callback, Cookie=cookie) for _ in range(20)))
    assert sorted(page.code for page in pages) == [303] + [401] * 19
    assert [call.method for call in slack.world.calls].count("oauth.v2.access") == 1


@pytest.mark.gen_test
async def test_rejects_expired_state(browser: Browser, base_url: str, slack: Slack, clock: Clock) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    clock.now += 601
    assert (await browser.get(callback)).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize("query", ["code=1", "", "code=1&state="])
async def test_callback_without_state_starts_an_install_and_exchanges_no_code(
    browser: Browser, base_url: str, slack: Slack, query: str
) -> None:
    """Installs that start at Slack (the Marketplace's Add button) have no state."""
    page = await browser.get(f"{base_url}{CALLBACK}?{query}")
    assert page.code == 302
    assert page.headers["Location"] == "/slack/install"
    assert not slack.world.calls


@pytest.mark.gen_test
@pytest.mark.parametrize("fault", [{"status": 500, "times": 9}, {"error": "invalid_auth"}, {"seconds": 2.0}])
async def test_failed_auth_test_loses_no_token(
    browser: Browser, base_url: str, slack: Slack, store: Store, fault: dict[str, int]
) -> None:
    """Bolt throws the fresh tokens away, although Slack shows the app as installed."""
    callback = slack.approve(await authorize_url(browser, base_url))
    slack.fail("auth.test", **fault)  # type: ignore[arg-type]
    page = await browser.open(callback)
    assert page.code == 200
    bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    assert bot.bot_token in slack.world.tokens


@pytest.mark.gen_test
async def test_workspace_whose_name_was_cut_inside_a_character_is_installed(
    browser: Browser, base_url: str, slack: Slack, store: Store
) -> None:
    acme = slack.world.workspaces["T0ACME"]
    slack.world.workspaces["T0ACME"] = replace(acme, name="Acme \ud83d")
    page = await browser.open(slack.approve(await authorize_url(browser, base_url)))
    assert page.code == 200
    assert "<strong>Acme \ufffd</strong>" in page.body.decode()
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None


@pytest.mark.gen_test
async def test_org_wide_install_links_to_the_page_that_adds_workspaces(
    browser: Browser, base_url: str, slack: Slack, store: Store
) -> None:
    page = await browser.open(slack.approve(await authorize_url(browser, base_url), "T0CEDAR", org_wide=True))
    assert page.code == 200
    assert b"https://app.slack.com/manage/E0FOREST/integrations/profile/A0LATCHKEY/workspaces/add" in page.body
    bot = store.installations.find_bot(enterprise_id="E0FOREST", team_id="T9", is_enterprise_install=True)
    assert bot is not None
    assert bot.team_id is None


class TestUserScopesOnly:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"scopes": [], "user_scopes": ["search:read"]}

    @pytest.mark.gen_test
    async def test_saves_install_with_only_user_scopes(
        self, browser: Browser, base_url: str, slack: Slack, store: Store
    ) -> None:
        page = await browser.open(slack.approve(await authorize_url(browser, base_url)))
        assert page.code == 200
        saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
        assert saved is not None
        assert (saved.bot_token, saved.user_scopes) == (None, ["search:read"])


class TestOwnPages:
    """`[install] success_url` and `failure_url`."""

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"success_url": "https://example.com/yes?a=1", "failure_url": "https://example.com/no"}

    @pytest.mark.gen_test
    async def test_redirects_to_the_operators_pages_with_ids_and_no_secret(
        self, browser: Browser, base_url: str, slack: Slack
    ) -> None:
        url = await authorize_url(browser, base_url)
        page = await browser.get(slack.approve(url))
        assert page.headers["Location"] == "https://example.com/yes?a=1&team=T0ACME&app=A0LATCHKEY"
        page = await browser.get(slack.cancel(url))
        query = parse_qs(urlsplit(page.headers["Location"]).query)
        assert query == {"error": ["access_denied"], "request_id": [page.headers["X-Request-Id"]]}
        page = await browser.get(f"{base_url}{CALLBACK}?error=invalid_scope")
        query = parse_qs(urlsplit(page.headers["Location"]).query)
        assert query["error"] == ["slack_error"]
        assert query["slack_error"] == ["invalid_scope"]


@pytest.mark.gen_test
@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose"])
async def test_prefetch_and_head_requests_do_not_consume_the_state(
    browser: Browser, base_url: str, slack: Slack, header: str
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    assert (await browser.get(callback, **{header: "prefetch"})).code == 503
    assert (await browser.post(callback, "")).code == 405
    assert (await browser.open(callback)).code == 200


@pytest.mark.gen_test
async def test_no_log_line_contains_code_or_state(
    browser: Browser, base_url: str, slack: Slack, store: Store, all_logs: pytest.LogCaptureFixture
) -> None:
    url = await authorize_url(browser, base_url)
    callback = slack.approve(url)
    code = parse_qs(urlsplit(callback).query)["code"][0]
    await browser.get(callback)
    await browser.get(callback)
    await browser.get(base_url + CALLBACK + "?" + urlencode({"state": state_in(url), "code": [code] * 2}, doseq=True))
    assert "/slack/oauth/callback" in all_logs.text
    for secret in (code, state_in(url), "sentinel", *slack.world.tokens):
        assert secret not in all_logs.text


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000, "its JSON is nested too deeply"),
        (b'{"ok":true,"access_token":"xoxb-sentinel"}', "its response lacks a user, a token or a workspace"),
        (b"<html>sentinel", "its response is not a JSON object"),
        (b'{"ok":true,"x":"' + b"x" * (17 << 20) + b'"}', "ResponseTooLarge"),
    ],
    ids=["deep", "incomplete", "a page", "large"],
)
async def test_an_answer_that_cannot_be_used_is_502_and_logged_without_a_traceback(
    browser: Browser,
    base_url: str,
    slack: Slack,
    store: Store,
    all_logs: pytest.LogCaptureFixture,
    body: bytes,
    reason: str,
) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    slack.fail("oauth.v2.access", body=body)
    page = await browser.get(callback)
    assert page.code == 502
    assert f"slack_unavailable (Slack did not answer oauth.v2.access ({reason}))" in all_logs.text
    assert "Traceback" not in all_logs.text
    assert "sentinel" not in all_logs.text + page.body.decode()
    assert not store.installations.page().installations


@pytest.mark.gen_test
async def test_an_answer_for_another_app_than_that_of_slacks_requests_is_not_saved(
    browser: Browser, base_url: str, slack: Slack, store: Store, all_logs: pytest.LogCaptureFixture
) -> None:
    assert (await slack.sender.event(slack.workspace(), {"type": "x"})).status == 200
    callback = slack.approve(await authorize_url(browser, base_url))
    own, slack.world.app = slack.world.app, replace(slack.world.app, app_id="A0ANOTHER")
    page = await browser.get(callback)
    assert page.code == 502
    assert f"its response is for the app A0ANOTHER, not for {own.app_id}" in all_logs.text
    assert not store.installations.page().installations
    slack.world.app = own
    callback = slack.approve(await authorize_url(browser, base_url))
    assert (await browser.open(callback)).code == 200
