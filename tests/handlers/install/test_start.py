"""GET /slack/install: the link to Slack, and the cookie that binds the state to this browser."""

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from latchkey.handlers import Services, make_application
from latchkey.handlers.install.cookies import MAX_ATTEMPTS, MAX_CLEARED
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store


def link_in(body: bytes) -> str:
    found = re.search(r'href="([^"]*authorize[^"]*)"', body.decode())
    assert found
    return html.unescape(found[1])


@pytest.mark.gen_test
async def test_page_links_to_slack_with_every_required_parameter(browser: Browser, base_url: str, slack: Slack) -> None:
    page = await browser.get(base_url + "/slack/install")
    url = urlsplit(link_in(page.body))
    query = parse_qs(url.query, keep_blank_values=True)
    assert page.code == 200
    assert f"{url.scheme}://{url.netloc}{url.path}" == slack.authorize_url
    assert query.keys() == {"client_id", "scope", "user_scope", "redirect_uri", "state"}
    assert query["scope"] == ["chat:write,commands"]
    assert query["redirect_uri"] == [base_url + "/slack/oauth/callback"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("team=T0ACME", ["T0ACME"]),
        ("team=T1%26redirect_uri%3Dhttps%3A%2F%2Fevil.example", None),
        ("team=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", None),
        ("team=T1&team=T2", None),
        ("team=t0acme", None),
        ("team=" + "T" * 500, None),
    ],
)
async def test_passes_on_only_valid_team_ids(
    browser: Browser, base_url: str, given: str, passed_on: list[str] | None
) -> None:
    page = await browser.get(f"{base_url}/slack/install?{given}")
    query = parse_qs(urlsplit(link_in(page.body)).query)
    assert query.get("team") == passed_on
    assert query["redirect_uri"] == [base_url + "/slack/oauth/callback"]
    assert b"<script" not in page.body


@pytest.mark.gen_test
async def test_cookie_is_per_attempt_and_http_only(browser: Browser, base_url: str) -> None:
    page = await browser.get(base_url + "/slack/install")
    cookie = page.headers["Set-Cookie"]
    assert re.match(r"latchkey-state-[0-9a-f]{16}=", cookie)
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax"}


@pytest.mark.gen_test
async def test_cookie_has_the_host_prefix_on_https(
    make_services: Callable[..., Services], http_server: HTTPServer
) -> None:
    socket, port = bind_unused_port()
    server = HTTPServer(make_application(make_services(public_url="https://app.example.com")))
    server.add_socket(socket)
    page = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/slack/install")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-latchkey-state-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert "redirect_uri=https%3A%2F%2Fapp.example.com%2Fslack%2Foauth%2Fcallback" in link_in(page.body)
    assert page.headers["Strict-Transport-Security"]
    server.stop()
    await server.close_all_connections()


@pytest.mark.gen_test
async def test_browser_keeps_cookies_only_of_the_latest_attempts(browser: Browser, base_url: str) -> None:
    for _ in range(MAX_ATTEMPTS + 4):
        await browser.get(base_url + "/slack/install")
    assert len(browser.cookies) == MAX_ATTEMPTS


@pytest.mark.gen_test
async def test_response_deletes_a_bounded_number_of_cookies(browser: Browser, base_url: str) -> None:
    browser.cookies = {f"latchkey-state-{number:016x}": f"{number:051x}" for number in range(200)}
    strange = {"latchkey-state-" + "x" * 500: "1", "my-latchkey-state-" + "0" * 16: "1", "latchkey-state-": "1"}
    browser.cookies |= strange
    for _ in range(25):
        page = await browser.get(base_url + "/slack/install")
        sent = page.headers.get_list("Set-Cookie")
        assert len(sent) <= MAX_CLEARED + 1
        assert sum(map(len, sent)) < 2500
    assert len(browser.cookies) == MAX_ATTEMPTS + len(strange)
    assert strange.keys() <= browser.cookies.keys()


class TestRedirect:
    """`[install] page = false`."""

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"show_install_page": False}

    @pytest.mark.gen_test
    async def test_redirects_to_slack_immediately(self, browser: Browser, base_url: str, slack: Slack) -> None:
        page = await browser.get(base_url + "/slack/install?team=T0ACME")
        assert page.code == 302
        assert page.headers["Location"].startswith(slack.authorize_url + "?client_id=")
        assert page.headers["Location"].endswith("&team=T0ACME")
        assert browser.cookies


@pytest.mark.gen_test
async def test_shows_error_page_if_the_state_cannot_be_stored(browser: Browser, base_url: str, store: Store) -> None:
    store.close()
    page = await browser.get(base_url + "/slack/install")
    assert page.code == 503
    assert b"cannot save right now" in page.body
