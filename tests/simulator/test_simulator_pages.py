"""The consent page and the conversation page."""

import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from latchkey.simulator import ConsentRefused
from latchkey.slackapi.scopes import BOT_SCOPES, USER_SCOPES, describe_scope
from tests.simulator.simulation import CALLBACK, recording_app, simulation


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


@pytest.mark.gen_test
async def test_conversation_page_escapes_messages() -> None:
    async with simulation() as it:
        acme = it.slack.workspace()
        it.slack.people.show(acme, acme.channel_id, {"text": "<img src=x onerror=alert(1)>"})
        page = await it.browser.get(it.slack.url + "/")
        assert page.code == 200
        assert b"<img src=x" not in page.body
        assert b"&lt;img src=x" in page.body


SENTINEL = '"><script>alert(1)</script>'


@pytest.mark.gen_test
async def test_conversation_page_escapes_every_field_of_a_form_and_a_button() -> None:
    plain = {"type": "plain_text", "text": SENTINEL}
    inputs = [{"type": "plain_text_input"}, {"type": "plain_text_input", "multiline": True}]
    inputs.append({"type": "static_select", "options": [{"value": SENTINEL, "text": plain}]})
    blocks = [
        {
            "type": "input",
            "block_id": f"{SENTINEL}{number}",
            "label": plain,
            "element": {**element, "action_id": SENTINEL},
        }
        for number, element in enumerate(inputs)
    ]
    view = {"type": "modal", "title": plain, "submit": plain, "blocks": [*blocks, {"type": "section", "text": plain}]}
    button = {"type": "button", "text": plain, "action_id": SENTINEL, "value": SENTINEL}
    async with simulation() as it:
        acme = it.slack.workspace()
        token = (await it.exchange(it.code()))["access_token"]
        trigger = it.slack.world.issue_trigger(acme, acme.user_id)
        assert (await it.call("views.open", token, trigger_id=trigger, view=json.dumps(view)))["ok"]
        [opened] = it.slack.world.views.values()
        opened.errors = {"": SENTINEL, f"{SENTINEL}0": SENTINEL}
        it.slack.people.show(
            acme, acme.channel_id, {"text": "x", "blocks": [{"type": "actions", "elements": [button]}]}
        )
        page = (await it.browser.get(it.slack.url + "/")).body.decode()
    assert "<script>" not in page
    # Title, submit, three labels, option text and value, text block, two errors, and the button's fields.
    assert page.count("&lt;script&gt;") >= 15


@pytest.mark.gen_test
async def test_a_form_is_filled_in_and_submitted_on_the_page() -> None:
    element = {"type": "plain_text_input", "action_id": "a"}
    block = {"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "L"}, "element": element}
    text = {"type": "plain_text", "text": "T"}
    view = {"type": "modal", "title": text, "submit": text, "blocks": [block]}
    async with recording_app() as (url, seen), simulation(url) as it:
        acme = it.slack.workspace()
        token = (await it.exchange(it.code()))["access_token"]
        trigger = it.slack.world.issue_trigger(acme, acme.user_id)
        await it.call("views.open", token, trigger_id=trigger, view=json.dumps(view))
        page = (await it.browser.get(it.slack.url + "/")).body.decode()
        view_id = re.search(r'name="view" value="(\w+)"', page)
        assert view_id is not None
        assert re.search(r'name="b/a"[^>]* autofocus', page), "a form has the focus, so that it is not out of sight"
        assert page.count("autofocus") == 1
        form = urlencode({"team": "T0ACME", "view": view_id[1], "b/a": "blue"})
        assert (await it.browser.post(it.slack.url + "/do/submit", form)).code == 302
        assert not it.slack.world.views
    payload = json.loads(dict(parse_qsl(seen[0].body.decode()))["payload"])
    assert payload["view"]["state"]["values"] == {"b": {"a": {"type": "plain_text_input", "value": "blue"}}}
