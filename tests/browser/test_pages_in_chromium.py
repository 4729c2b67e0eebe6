"""Every page, the server's and the simulator's: accessible, inside the window, and with nothing blocked.

Each is opened in Chromium, light and dark, 1280 and 390 pixels wide, and examined by axe-core.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from latchkey.handlers.install import FAILURES
from latchkey.simulator import Browser
from latchkey.storage import read_keyring, seal_values
from tests.support.running import Running, running

if TYPE_CHECKING:
    from tests.browser.chromium import Reader

pytestmark = [pytest.mark.browser, pytest.mark.programs("chromium")]

APP = {
    "LATCHKEY_APP_NAME": "Rain",
    "LATCHKEY_APP_DESCRIPTION": "Says when it will rain, and reminds you of your umbrella.",
    "LATCHKEY_APP_OPERATOR": "Example Weather Services Ltd",
    "LATCHKEY_APP_SUPPORT_URL": "mailto:help@example.com",
    "LATCHKEY_APP_PRIVACY_URL": "https://example.com/privacy",
    "LATCHKEY_SLACK_SCOPES": "app_mentions:read,chat:write,commands,conversations.connect:manage,brand:new",
    "LATCHKEY_SLACK_USER_SCOPES": "search:read,users.profile:write",
    "LATCHKEY_LISTENERS_MODULES": "latchkey.example,umbrellas",
    "LATCHKEY_INSTALL_WORKSPACES": "T0ACME,E0FOREST",
    "LATCHKEY_INSTALL_UNSIGNED_METADATA": "umbrella",
}
LISTENERS = """\
def register(app):
    @app.before_install
    async def check(event, refuse):
        if event["custom_values"].get("umbrella") == "none":
            refuse("You need an umbrella to use this app.")
        assert event["custom_values"].get("umbrella") != "broken"
"""


@pytest.mark.gen_test(timeout=240)
async def test_every_page_is_accessible_and_fits_into_the_window(tmp_path: Path) -> None:
    async with opened(tmp_path, APP) as (it, window):
        await read_install(it, window)
        await read_failures(it, window)
        await read_simulator(it, window)
    assert not window.problems, f"see {tmp_path / 'pictures'}\n" + "\n".join(window.problems)
    assert len(window.checked) == len(set(window.checked)) == 24


@pytest.mark.gen_test(timeout=60)
async def test_install_without_a_page_leads_from_the_start_page_to_slack_and_back(tmp_path: Path) -> None:
    async with opened(tmp_path, {"LATCHKEY_INSTALL_PAGE": "false"}) as (it, window):
        await window.page.goto(it.server.url)
        await press(window, "Add to Slack")
        await window.check("consent")
        await press(window, "Allow")
        await window.check("installed")
        assert await window.page.title() == "Latchkey is installed"
    assert not window.problems, "\n".join(window.problems)


@asynccontextmanager
async def opened(folder: Path, environment: dict[str, str]) -> AsyncIterator[tuple[Running, Reader]]:
    """Start a server and a browser window."""
    from tests.browser.chromium import reader  # its libraries are installed only for these tests

    server = folder / "server"
    server.mkdir()
    (server / "umbrellas.py").write_text(LISTENERS)
    async with (
        running(server, environment=environment) as it,
        reader(folder / "pictures") as window,
    ):
        yield it, window


async def read_install(it: Running, window: Reader) -> None:
    page, url = window.page, it.server.url
    await page.goto(url)
    await window.check("start")
    await page.goto(f"{url}/slack/installed")
    await window.check("nothing-installed")
    await page.goto(f"{url}/slack/install")
    await window.check("install")
    await press(window, "Add to Slack")
    await window.check("consent")
    await press(window, "Cancel")
    await window.check("access_denied")
    await press(window, "Start again")
    await press(window, "Add to Slack")
    await press(window, "Allow")
    await window.check("installed")
    await page.reload()
    await window.check("installed-reloaded")
    assert await page.title() == "Rain is installed"
    await page.goto(it.slack.approve(await authorize_url(it, window), "T0CEDAR", org_wide=True))
    await window.check("installed-for-an-organization")


async def read_failures(it: Running, window: Reader) -> None:
    """Provoke each failure of an install, and each error of the server."""
    page = window.page
    callback = f"{it.server.url}/slack/oauth/callback"
    queries = {
        "slack_error": {"error": "invalid_scope"},
        "invalid_request": {"state": ["a", "b"]},
        "invalid_state": {"state": "a", "code": "1"},
        "missing_code": {"state": state_in(await authorize_url(it, window))},
        "invalid_code": {"state": state_in(await authorize_url(it, window)), "code": "1"},
    }
    for name, query in queries.items():
        await page.goto(f"{callback}?{urlencode(query, doseq=True)}")
        await window.check(name)
    other = Browser()
    await page.goto(it.slack.approve(await it.check.begin_install(other)))
    other.close()
    await window.check("invalid_browser")
    url = it.slack.approve(await authorize_url(it, window))
    it.slack.fail("oauth.v2.access", status=500)
    await page.goto(url)
    await window.check("slack_unavailable")
    await page.goto(it.slack.approve(await authorize_url(it, window), "T0BIRCH"))
    await window.check("not_allowed")
    for name, umbrella in (("refused", "none"), ("check_failed", "broken")):
        await page.goto(it.slack.approve(await authorize_url(it, window, f"?umbrella={umbrella}")))
        await window.check(name)
    keyring = read_keyring(it.server.folder / "keys" / "keyring")
    for name, values in (("invalid_link", "x"), ("expired_link", seal_values(keyring, {"a": "1"}, 0))):
        await page.goto(f"{it.server.url}/slack/install?{urlencode({'values': values})}")
        await window.check(name)
    with locked(it.store):
        await page.goto(f"{it.server.url}/slack/install")
        await window.check("storage_error")
    assert {failure.reason for failure in FAILURES} <= set(window.checked)
    await page.goto(f"{it.server.url}/nowhere")
    await window.check("not-found")
    await page.goto("about:blank")  # without a Content-Security-Policy, which would forbid the form
    await page.set_content(f'<form method="post" action="{it.server.url}/"><button>Post</button></form>')
    await press(window, "Post")
    await window.check("method-not-allowed")


async def read_simulator(it: Running, window: Reader) -> None:
    await window.page.goto(f"{it.slack.authorize_url}?client_id=9.9")
    await window.check("simulator-refused")


async def press(window: Reader, name: str) -> None:
    """Click the first link or button with this text, and wait for the page behind it."""
    await window.page.locator(f'a:text-is("{name}"), button:text-is("{name}")').first.click(timeout=5000)
    await window.page.wait_for_load_state()


async def authorize_url(it: Running, window: Reader, query: str = "") -> str:
    """Return the link to Slack on a new install page."""
    await window.page.goto(f"{it.server.url}/slack/install{query}")
    url = await window.page.get_attribute("a.button", "href")
    assert url is not None
    return url


def state_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold SQLite's write lock on the store."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
