"""The success page can be reloaded in the browser that installed the app, and shows others nothing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tornado.httpclient import AsyncHTTPClient

from latchkey.handlers import Services
from latchkey.handlers.receipts import MAX_AGE_SECONDS, Receipt, Receipts
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from tests.handlers.install.flow import authorize_url
from tests.support.clocks import Clock

PAGE = "/slack/installed"
COOKIE = "latchkey-installed"


@pytest.fixture
def stranger() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


async def install(browser: Browser, base_url: str, slack: Slack, team_id: str = "T0ACME") -> str:
    """Install the app and return the callback's URL."""
    callback = slack.approve(await authorize_url(browser, base_url), team_id)
    assert b"is installed" in (await browser.open(callback)).body
    return callback


@pytest.mark.gen_test
async def test_reloading_the_success_page_shows_it_again(browser: Browser, base_url: str, slack: Slack) -> None:
    await install(browser, base_url, slack)
    for _ in range(3):
        page = await browser.get(base_url + PAGE)
        assert page.code == 200
        assert b"<h1>Latchkey is installed</h1>" in page.body
        assert b"<strong>Acme</strong>" in page.body
        assert b"slack://app?team=T0ACME&amp;id=A0LATCHKEY" in page.body


@pytest.mark.gen_test
async def test_opening_the_callback_again_shows_success_and_installs_nothing(
    browser: Browser, base_url: str, slack: Slack
) -> None:
    callback = await install(browser, base_url, slack)
    before = len(slack.world.calls)
    page = await browser.open(callback)
    assert (page.code, page.effective_url) == (200, base_url + PAGE)
    assert b"<strong>Acme</strong>" in page.body
    assert len(slack.world.calls) == before


@pytest.mark.gen_test
async def test_success_page_url_contains_neither_code_nor_state(browser: Browser, base_url: str, slack: Slack) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    response = await browser.get(callback)
    assert (response.code, response.headers["Location"]) == (303, PAGE)


@pytest.mark.gen_test
async def test_a_new_code_with_the_used_state_is_not_reported_as_installed(
    browser: Browser, base_url: str, slack: Slack
) -> None:
    """Back at Slack's page, the person chose another workspace: nothing was installed there."""
    url = await authorize_url(browser, base_url)
    await browser.open(slack.approve(url, "T0ACME"))
    page = await browser.open(slack.approve(url, "T0BIRCH"))
    assert page.code == 401
    assert b"has expired" in page.body


@pytest.mark.gen_test
async def test_page_shows_strangers_nothing(browser: Browser, stranger: Browser, base_url: str, slack: Slack) -> None:
    before = await stranger.get(base_url + PAGE)
    callback = await install(browser, base_url, slack)
    after = await stranger.get(base_url + PAGE)
    assert (before.code, before.body) == (after.code, after.body)
    assert (await stranger.open(callback)).code == 401
    assert b"Acme" not in after.body
    assert b"T0ACME" not in after.body


@pytest.mark.gen_test
async def test_page_is_shown_for_an_hour(browser: Browser, base_url: str, slack: Slack, clock: Clock) -> None:
    await install(browser, base_url, slack)
    clock.now += MAX_AGE_SECONDS - 10
    assert b"is installed" in (await browser.get(base_url + PAGE)).body
    clock.now += 20
    page = await browser.get(base_url + PAGE)
    assert page.code == 200
    assert b"Nothing to show here" in page.body


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
        lambda value: value.replace("|", "", 1),
        lambda value: Receipts().sign(Receipt("", "Evil", "slack://open", "https://evil.example", is_org=False)),
        lambda value: "",
        lambda value: "2|" * 500,
        lambda value: "\u00e9",
    ],
    ids=["changed", "truncated", "other key", "empty", "nonsense", "not ascii"],
)
async def test_page_shows_nothing_from_a_cookie_that_the_server_did_not_sign(
    browser: Browser, base_url: str, slack: Slack, change: object
) -> None:
    await install(browser, base_url, slack)
    browser.cookies[COOKIE] = change(browser.cookies[COOKIE])  # type: ignore[operator]
    page = await browser.get(base_url + PAGE)
    assert page.code == 200
    assert b"Nothing to show here" in page.body
    assert b"evil" not in page.body


@pytest.mark.gen_test
async def test_receipt_holds_no_secret_and_fits_into_a_cookie(
    browser: Browser, base_url: str, slack: Slack, services: Services, store: Store
) -> None:
    acme = slack.world.workspaces["T0ACME"]
    slack.world.workspaces["T0ACME"] = replace(acme, name="\N{GRINNING FACE}" * 300)
    callback = await install(browser, base_url, slack)
    cookie = browser.cookies[COOKIE]
    assert len(cookie) < 3000
    receipt = services.receipts.read(cookie)
    assert receipt is not None
    held = repr(receipt)
    assert not [token for token in slack.world.tokens if token in held]
    assert not [code for code in slack.world.grants if code in held]
    assert callback.partition("state=")[2] not in held


@pytest.mark.gen_test
async def test_org_wide_install_leads_to_choosing_workspaces(browser: Browser, base_url: str, slack: Slack) -> None:
    callback = slack.approve(await authorize_url(browser, base_url), "T0CEDAR", org_wide=True)
    for page in (await browser.open(callback), await browser.get(base_url + PAGE)):
        assert b"<strong>Forest</strong>" in page.body
        assert b"Choose workspaces" in page.body
        assert b"https://app.slack.com/manage/E0FOREST/" in page.body


@pytest.mark.gen_test
async def test_head_request_does_not_install(browser: Browser, base_url: str, slack: Slack, store: Store) -> None:
    callback = slack.approve(await authorize_url(browser, base_url))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    response = await AsyncHTTPClient().fetch(callback, method="HEAD", headers={"Cookie": cookie}, raise_error=False)
    assert (response.code, response.body) == (200, b"")
    assert not slack.world.calls
    assert (await browser.open(callback)).code == 200
