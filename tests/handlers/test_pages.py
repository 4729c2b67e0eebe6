"""Every page: what it says about the app, security headers, request id and escaping."""

import re

import pytest

from latchkey.handlers import AppProfile, Pages
from latchkey.handlers.base import SECURITY_HEADERS
from latchkey.simulator import Browser
from latchkey.slackapi.oauth import Links
from latchkey.slackapi.scopes import BOT_SCOPES, USER_SCOPES, Permission, bot_permissions, user_permissions
from latchkey.storage import Store

PATHS = [
    "/", "/slack/install", "/slack/oauth/callback", "/slack/oauth/callback?state=x&code=y", "/nowhere", "/healthz", "/readyz",
    "/slack/installed", "/slack/install/", "/.env", "/slack/oauth/callback?error=access_denied",
]  # fmt: skip


@pytest.mark.gen_test
@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_security_headers(browser: Browser, base_url: str, path: str) -> None:
    page = await browser.get(base_url + path)
    for name, value in SECURITY_HEADERS.items():
        assert page.headers[name] == value
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert len(page.headers["X-Request-Id"]) == 16
    assert "Server" not in page.headers


@pytest.mark.gen_test
async def test_unknown_path_gets_404_and_other_methods_get_405(browser: Browser, base_url: str) -> None:
    assert (await browser.get(base_url + "/nowhere")).code == 404
    assert (await browser.post(base_url + "/slack/install", "a=b")).code == 405


@pytest.mark.gen_test
async def test_only_readyz_checks_the_store(browser: Browser, base_url: str, store: Store) -> None:
    assert (await browser.get(base_url + "/readyz")).body == b"ready\n"
    store.close()
    assert (await browser.get(base_url + "/healthz")).body == b"ok\n"
    ready = await browser.get(base_url + "/readyz")
    assert (ready.code, ready.body) == (503, b"closed\n")


@pytest.mark.gen_test
async def test_uncaught_error_neither_shows_nor_logs_the_url(
    browser: Browser, base_url: str, store: Store, monkeypatch: pytest.MonkeyPatch, all_logs: pytest.LogCaptureFixture
) -> None:
    async def fail(state: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store.states, "async_take", fail)
    page = await browser.get(base_url + "/slack/oauth/callback?state=sentinel-state&code=sentinel-code")
    assert page.code == 500
    assert page.headers["X-Request-Id"].encode() in page.body
    assert page.headers["X-Request-Id"] in all_logs.text
    assert "ZeroDivisionError" in all_logs.text
    assert "sentinel" not in all_logs.text + page.body.decode()


@pytest.mark.gen_test
async def test_access_log_has_one_line_per_request(
    browser: Browser, base_url: str, all_logs: pytest.LogCaptureFixture
) -> None:
    page = await browser.get(base_url + "/nowhere?code=sentinel")
    lines = [record for record in all_logs.records if record.name == "latchkey.access"]
    assert [line.getMessage() for line in lines] == ["GET /nowhere 404"]
    assert lines[0].fields["request_id"] == page.headers["X-Request-Id"]  # type: ignore[attr-defined]


HOSTILE = "\"'><script>"


def test_pages_escape_every_value() -> None:
    profile = AppProfile(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    pages = Pages(profile, [Permission(HOSTILE, "")], [Permission("x", HOSTILE)])
    for page in (
        pages.home(),
        pages.install(HOSTILE),
        pages.installed(HOSTILE, Links(HOSTILE, HOSTILE), is_org=False),
        pages.installed(HOSTILE, Links(HOSTILE, HOSTILE), is_org=True),
        pages.nothing_installed(),
        pages.failed(HOSTILE, HOSTILE, HOSTILE, slack_error=HOSTILE, restart_url=HOSTILE, request_id=HOSTILE),
        pages.error(404, HOSTILE),
    ):
        assert b"<script" not in page
        assert b"\"'>" not in page
        assert page.count(b"&lt;script&gt;") >= 5


PROFILE = AppProfile(
    "Rain", "Says when it will rain.", "Example Ltd", "mailto:help@example.com", "https://example.com/p"
)


class TestProfile:
    """The app as the operator describes it in [app]."""

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        bot = bot_permissions(["chat:write", "brand:new"])
        return {"pages": Pages(PROFILE, bot, user_permissions(["search:read"]))}

    @pytest.mark.gen_test
    @pytest.mark.parametrize(
        "path", ["/", "/slack/install", "/slack/installed", "/nowhere", "/slack/oauth/callback?error=access_denied"]
    )
    async def test_every_page_names_the_app_and_the_people_behind_it(
        self, browser: Browser, base_url: str, path: str
    ) -> None:
        body = (await browser.get(base_url + path)).body.decode()
        assert re.search(r"<title>[^<]*Rain[^<]*</title>", body)
        assert "Rain is run by Example Ltd." in body
        assert '<a href="mailto:help@example.com">Support</a>' in body
        assert '<a href="https://example.com/p">Privacy policy</a>' in body

    @pytest.mark.gen_test
    async def test_install_page_says_what_each_scope_lets_the_app_do(self, browser: Browser, base_url: str) -> None:
        body = (await browser.get(base_url + "/slack/install")).body.decode()
        assert "<h1>Add Rain to Slack</h1>" in body
        assert "Says when it will rain." in body
        in_workspace, as_you = body.partition("<h2>In the workspace, it can</h2>")[2].split("<h2>As you, it can</h2>")
        assert BOT_SCOPES["chat:write"] in in_workspace
        assert "use the permission <code>brand:new</code>" in in_workspace
        assert USER_SCOPES["search:read"] in as_you

    @pytest.mark.gen_test
    async def test_start_page_describes_the_app_and_leads_to_the_install(self, browser: Browser, base_url: str) -> None:
        body = (await browser.get(base_url + "/")).body.decode()
        assert "<h1>Rain</h1>" in body
        assert "Says when it will rain." in body
        assert 'href="/slack/install"' in body


@pytest.mark.gen_test
async def test_empty_texts_and_links_are_left_out(browser: Browser, base_url: str) -> None:
    for path in ("/", "/slack/install"):
        body = (await browser.get(base_url + path)).body
        assert b"Latchkey" in body
        assert b"<footer" not in body
        assert b'href=""' not in body


@pytest.mark.gen_test
@pytest.mark.parametrize("path", PATHS)
async def test_pages_have_one_heading_in_one_main_landmark_and_run_nothing(
    browser: Browser, base_url: str, path: str
) -> None:
    page = await browser.get(base_url + path)
    if not page.headers["Content-Type"].startswith("text/html") or page.code == 302:
        return
    body = page.body.decode()
    assert re.search(r"<html lang=\"en\">", body)
    assert len(re.findall(r"<main>.*<h1>[^<]+</h1>.*</main>", body, re.DOTALL)) == 1
    assert not re.search(r"<script|http-equiv|\son\w+=|style=", body)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "content_type", "start"),
    [("/slack/icon.svg", "image/svg+xml", b"<svg "), ("/favicon.ico", "image/x-icon", b"\0\0\1\0\1\0")],
)
async def test_icon_is_served_and_cached(
    browser: Browser, base_url: str, path: str, content_type: str, start: bytes
) -> None:
    icon = await browser.get(base_url + path)
    assert (icon.code, icon.headers["Content-Type"]) == (200, content_type)
    assert icon.body.startswith(start)
    assert icon.headers["Cache-Control"] == "public, max-age=86400"
    again = await browser.get(base_url + path, **{"If-None-Match": icon.headers["Etag"]})
    assert (again.code, again.body) == (304, b"")


@pytest.mark.gen_test
async def test_pages_name_the_icon_and_allow_nothing_else_to_be_loaded(browser: Browser, base_url: str) -> None:
    page = await browser.get(base_url + "/")
    assert b'<link rel="icon" href="/slack/icon.svg"' in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "img-src 'self'" in page.headers["Content-Security-Policy"]
