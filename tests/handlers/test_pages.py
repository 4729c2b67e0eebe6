"""Every page: security headers, request id and escaping."""

import pytest

from latchkey.handlers import pages
from latchkey.handlers.base import SECURITY_HEADERS
from latchkey.simulator import Browser
from latchkey.storage import Store

PATHS = [
    "/", "/slack/install", "/slack/oauth/callback", "/slack/oauth/callback?state=x&code=y", "/nowhere", "/healthz", "/readyz",
    "/slack/install/", "/.env", "/slack/oauth/callback?error=access_denied",
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
    async def fail(state: str) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(store.states, "async_consume", fail)
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


def test_pages_escape_every_value() -> None:
    hostile = "\"'><script>"
    for page in (
        pages.home(hostile),
        pages.install(hostile),
        pages.installed(hostile, hostile, hostile),
        pages.failed(hostile, hostile, hostile, hostile, hostile),
        pages.error(404, hostile, hostile),
    ):
        assert b"<script" not in page
        assert b"&quot;&#x27;&gt;&lt;script&gt;" in page or b"&quot;&#39;&gt;&lt;script&gt;" in page
