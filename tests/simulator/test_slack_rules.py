"""The simulator follows Slack's rules, so that an app that works with it works with Slack."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from latchkey.simulator import Browser, ConsentRefused, Slack, sign
from tests.support.clocks import Clock

CALLBACK = "https://app.example/slack/oauth/callback"
QUERY = {"client_id": "1.2", "scope": "chat:write,commands", "redirect_uri": CALLBACK, "state": "s"}


class Simulation:
    def __init__(self, slack: Slack, clock: Clock, browser: Browser) -> None:
        self.slack = slack
        self.clock = clock
        self.browser = browser

    def authorize(self, **changes: str) -> str:
        return f"{self.slack.authorize_url}?{urlencode({**QUERY, **changes})}"

    def code(self, team_id: str = "T0ACME", **changes: Any) -> str:
        org_wide = changes.pop("org_wide", False)
        return parse_qs(urlsplit(self.slack.approve(self.authorize(**changes), team_id, org_wide=org_wide)).query)[
            "code"
        ][0]

    async def call(self, method: str, token: str = "", **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await self.browser.post(self.slack.api_url + method, urlencode(arguments), headers)
        return dict(json.loads(response.body))

    async def exchange(self, code: str, **changes: str) -> dict[str, Any]:
        credentials = {"client_id": "1.2", "client_secret": "sentinel", "redirect_uri": CALLBACK}
        return await self.call("oauth.v2.access", code=code, **{**credentials, **changes})


@asynccontextmanager
async def simulation(events_url: str = "http://127.0.0.1:9/") -> AsyncIterator[Simulation]:
    clock = Clock(1_800_000_000.0)
    slack = Slack(
        client_id="1.2",
        client_secret="sentinel",
        signing_secret="sentinel-signing",
        redirect_uris=[CALLBACK],
        events_url=events_url,
        clock=clock,
    )
    slack.start()
    browser = Browser()
    yield Simulation(slack, clock, browser)
    browser.close()
    await slack.close()


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
async def test_allow_and_cancel_return_the_state() -> None:
    async with simulation() as it:
        allowed = dict(parse_qsl(urlsplit(it.slack.approve(it.authorize(state="a&b=c"))).query))
        assert allowed["state"] == "a&b=c"
        assert dict(parse_qsl(urlsplit(it.slack.cancel(it.authorize())).query)) == {
            "error": "access_denied",
            "state": "s",
        }


@pytest.mark.gen_test
async def test_a_code_works_once_within_ten_minutes_with_its_own_redirect_uri() -> None:
    async with simulation() as it:
        code = it.code()
        assert (await it.exchange(code, redirect_uri="https://evil.example/"))["error"] == "bad_redirect_uri"
        assert (await it.exchange(code, client_secret="wrong"))["error"] == "bad_client_secret"
        assert (await it.exchange(code, client_id="9.9"))["error"] == "invalid_client_id"
        assert (await it.exchange("1.nonsense"))["error"] == "invalid_code"
        assert (await it.exchange(code))["ok"]
        assert (await it.exchange(code))["error"] == "code_already_used"
        late = it.code()
        it.clock.now += 600
        assert (await it.exchange(late))["error"] == "invalid_code"


@pytest.mark.gen_test
async def test_each_kind_of_install_has_its_own_token_response() -> None:
    async with simulation() as it:
        bot = await it.exchange(it.code())
        assert bot["access_token"].startswith("xoxb-")
        assert "access_token" not in bot["authed_user"]
        user_only = await it.exchange(it.code(scope="", user_scope="search:read"))
        assert "access_token" not in user_only
        assert user_only["authed_user"]["access_token"].startswith("xoxp-")
        org = await it.exchange(it.code("T0CEDAR", org_wide=True))
        assert (org["team"], org["enterprise"]["id"], org["is_enterprise_install"]) == (None, "E0FOREST", True)
        with pytest.raises(ConsentRefused, match="org_login_required"):
            it.code(org_wide=True)


@pytest.mark.gen_test
async def test_methods_require_a_valid_token_and_unknown_ones_are_refused() -> None:
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        assert (await it.call("auth.test"))["error"] == "not_authed"
        assert (await it.call("auth.test", "xoxb-nonsense"))["error"] == "invalid_auth"
        assert (await it.call("auth.test", token))["team_id"] == "T0ACME"
        unknown = await it.call("chat.nonsense", token)
        assert (unknown["ok"], unknown["error"]) == (False, "unknown_method")
        assert (await it.call("auth.revoke", token))["revoked"]
        assert (await it.call("auth.test", token))["error"] in ("token_revoked", "account_inactive")


@pytest.mark.gen_test
async def test_uninstall_requires_the_apps_credentials_and_revokes_its_tokens() -> None:
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        wrong = await it.call("apps.uninstall", token, client_id="1.2", client_secret="wrong")
        assert not wrong["ok"]
        assert (await it.call("apps.uninstall", token, client_id="1.2", client_secret="sentinel"))["ok"]
        assert not (await it.call("auth.test", token))["ok"]
        assert not it.slack.world.is_installed(it.slack.workspace())


@pytest.mark.gen_test
async def test_a_trigger_opens_one_form_within_three_seconds() -> None:
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        acme = it.slack.workspace()
        view = json.dumps(
            {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [{"type": "divider"}]}
        )
        trigger = it.slack.world.issue_trigger(acme, acme.user_id)
        assert (await it.call("views.open", token, trigger_id=trigger, view=view))["ok"]
        assert (await it.call("views.open", token, trigger_id=trigger, view=view))["error"] == "exchanged_trigger_id"
        late = it.slack.world.issue_trigger(acme, acme.user_id)
        it.clock.now += 3.01
        assert (await it.call("views.open", token, trigger_id=late, view=view))["error"] == "expired_trigger_id"
        assert not (await it.call("views.open", token, trigger_id="nonsense", view=view))["ok"]


@pytest.mark.gen_test
async def test_a_response_url_works_five_times_within_thirty_minutes() -> None:
    async with simulation() as it:
        acme = it.slack.workspace()

        async def use(path: str) -> int:
            return (
                await it.browser.post(it.slack.url + path, '{"text": "x"}', {"Content-Type": "application/json"})
            ).code

        path = it.slack.world.issue_response_path(acme, acme.channel_id, acme.user_id)
        assert [await use(path) for _ in range(6)] == [200] * 5 + [404]
        late = it.slack.world.issue_response_path(acme, acme.channel_id, acme.user_id)
        it.clock.now += 1800
        assert await use(late) == 404
        assert await use("/response/nonsense") == 404


@pytest.mark.gen_test
async def test_signature_matches_slacks_documented_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == signature


class Recorder(RequestHandler):
    def initialize(self, seen: list[Any]) -> None:
        self.seen = seen

    def post(self) -> None:
        self.seen.append(self.request)


@pytest.mark.gen_test
async def test_sends_every_kind_of_request_signed_and_records_the_response() -> None:
    seen: list[Any] = []
    app = HTTPServer(Application([(r"/e", Recorder, {"seen": seen})], log_function=lambda handler: None))
    sockets = bind_sockets(0, "127.0.0.1")
    app.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    async with simulation(f"http://127.0.0.1:{port}/e") as it:
        acme, people, sender = it.slack.workspace(), it.slack.people, it.slack.sender
        await people.mention(acme, "hi")
        await people.command(acme, "/x", "y z")
        await people.click(acme, {"action_id": "a", "block_id": "b"})
        await sender.interaction(acme, "shortcut", {"callback_id": "c"})
        await people.uninstall(acme)
        assert [response.status for response in it.slack.world.responses] == [200] * 6
    app.stop()
    await app.close_all_connections()
    for request in seen:
        headers = request.headers
        assert headers["X-Slack-Signature"] == sign(
            "sentinel-signing", headers["X-Slack-Request-Timestamp"], request.body
        )
    wrapper = json.loads(seen[0].body)
    assert wrapper["event"]["text"].endswith(" hi")
    assert dict(parse_qsl(seen[1].body.decode()))["text"] == "y z"
    types = [json.loads(request.body)["event"]["type"] for request in seen[4:]]
    assert types == ["tokens_revoked", "app_uninstalled"]


@pytest.mark.gen_test
async def test_an_app_that_does_not_respond_gets_status_599() -> None:
    async with simulation("http://127.0.0.1:9/") as it:
        assert (await it.slack.people.command(it.slack.workspace(), "/x")).status == 599
        assert "failed" in it.slack.world.messages[-1].text


@pytest.mark.gen_test
async def test_listens_only_on_loopback() -> None:
    async with simulation() as it:
        assert {sock.getsockname()[0] for sock in it.slack._sockets} == {"127.0.0.1"}


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
    seen: list[Any] = []
    app = HTTPServer(Application([(r"/e", Recorder, {"seen": seen})], log_function=lambda handler: None))
    sockets = bind_sockets(0, "127.0.0.1")
    app.add_sockets(sockets)
    element = {"type": "plain_text_input", "action_id": "a"}
    block = {"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "L"}, "element": element}
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [block]}
    async with simulation(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/e") as it:
        acme = it.slack.workspace()
        token = (await it.exchange(it.code()))["access_token"]
        trigger = it.slack.world.issue_trigger(acme, acme.user_id)
        await it.call("views.open", token, trigger_id=trigger, view=json.dumps(view))
        page = (await it.browser.get(it.slack.url + "/")).body.decode()
        view_id = re.search(r'name="view" value="(\w+)"', page)
        assert view_id is not None
        assert 'name="b/a"' in page
        form = urlencode({"team": "T0ACME", "view": view_id[1], "b/a": "blue"})
        assert (await it.browser.post(it.slack.url + "/do/submit", form)).code == 302
        assert not it.slack.world.views
    app.stop()
    await app.close_all_connections()
    payload = json.loads(dict(parse_qsl(seen[0].body.decode()))["payload"])
    assert payload["view"]["state"]["values"] == {"b": {"a": {"type": "plain_text_input", "value": "blue"}}}
