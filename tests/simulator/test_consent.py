"""The consent page."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from latchkey.simulator import ConsentRefused
from latchkey.slackapi.scopes import BOT_SCOPES, USER_SCOPES, describe_scope
from tests.simulator.simulation import CALLBACK, simulation


@pytest.mark.gen_test
async def test_shows_the_consent_page_only_for_the_configured_app() -> None:
    async with simulation() as it:
        assert (await it.browser.get(it.authorize())).code == 200
        for change in (
            {"client_id": "9.9"},
            {"redirect_uri": CALLBACK + "/"},
            {"redirect_uri": "https://evil.example/"},
            {"scope": ""},
        ):
            page = await it.browser.get(it.authorize(**change))
            assert page.code == 400, change
            assert "Location" not in page.headers
            with pytest.raises(ConsentRefused):
                it.slack.approve(it.authorize(**change))


@pytest.mark.gen_test
async def test_consent_page_escapes_the_query() -> None:
    async with simulation() as it:
        page = await it.browser.get(it.authorize(scope="<script>alert(1)</script>"))
        assert b"<script>alert" not in page.body


@pytest.mark.gen_test
async def test_consent_page_says_what_each_scope_lets_the_app_do() -> None:
    async with simulation() as it:
        it.slack.world.describe_scope = describe_scope
        page = await it.browser.get(it.authorize(scope="chat:write,brand:new", user_scope="search:read"))
    in_workspace, as_you = page.body.decode().split("As you, it could")
    assert BOT_SCOPES["chat:write"] in in_workspace
    assert re.search(r"use the permission <[^>]+>brand:new<", in_workspace)
    assert USER_SCOPES["search:read"] in as_you


@pytest.mark.gen_test
async def test_allow_and_cancel_return_the_state() -> None:
    async with simulation() as it:
        allowed = dict(parse_qsl(urlsplit(it.slack.approve(it.authorize(state="a&b=c"))).query))
        assert allowed["state"] == "a&b=c"
        assert dict(parse_qsl(urlsplit(it.slack.cancel(it.authorize())).query)) == {
            "error": "access_denied",
            "state": "s",
        }
