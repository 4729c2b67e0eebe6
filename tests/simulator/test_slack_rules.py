"""The stand-in keeps Slack's rules, so that what passes against it is right."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from latchkey.simulator import Slack
from latchkey.simulator.browser import Browser
from latchkey.simulator.consent import Refused
from latchkey.simulator.requests import sign
from tests.support.clocks import Clock

CALLBACK = "https://app.example/slack/oauth/callback"
QUERY = {"client_id": "1.2", "scope": "chat:write,commands", "redirect_uri": CALLBACK, "state": "s"}


class Stand:
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
async def stand(events_url: str = "http://127.0.0.1:9/") -> AsyncIterator[Stand]:
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
    yield Stand(slack, clock, browser)
    browser.close()
    await slack.close()


@pytest.mark.gen_test
async def test_consent_is_asked_for_a_known_app_alone() -> None:
    async with stand() as it:
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
            with pytest.raises(Refused):
                it.slack.approve(it.authorize(**change))


@pytest.mark.gen_test
async def test_what_the_link_says_is_shown_as_text() -> None:
    async with stand() as it:
        page = await it.browser.get(it.authorize(scope="<script>alert(1)</script>"))
        assert b"<script>alert" not in page.body


@pytest.mark.gen_test
async def test_allow_and_cancel_go_back_with_the_state() -> None:
    async with stand() as it:
        allowed = dict(parse_qsl(urlsplit(it.slack.approve(it.authorize(state="a&b=c"))).query))
        assert allowed["state"] == "a&b=c"
        assert dict(parse_qsl(urlsplit(it.slack.cancel(it.authorize())).query)) == {
            "error": "access_denied",
            "state": "s",
        }


@pytest.mark.gen_test
async def test_a_code_is_good_once_for_ten_minutes_and_for_its_own_redirect() -> None:
    async with stand() as it:
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
async def test_each_kind_of_install_has_its_own_answer() -> None:
    async with stand() as it:
        bot = await it.exchange(it.code())
        assert bot["access_token"].startswith("xoxb-")
        assert "access_token" not in bot["authed_user"]
        user_only = await it.exchange(it.code(scope="", user_scope="search:read"))
        assert "access_token" not in user_only
        assert user_only["authed_user"]["access_token"].startswith("xoxp-")
        org = await it.exchange(it.code("T0CEDAR", org_wide=True))
        assert (org["team"], org["enterprise"]["id"], org["is_enterprise_install"]) == (None, "E0FOREST", True)
        with pytest.raises(Refused, match="org_login_required"):
            it.code(org_wide=True)


@pytest.mark.gen_test
async def test_methods_want_a_token_and_unknown_ones_are_answered_as_slack_does() -> None:
    async with stand() as it:
        token = (await it.exchange(it.code()))["access_token"]
        assert (await it.call("auth.test"))["error"] == "not_authed"
        assert (await it.call("auth.test", "xoxb-nonsense"))["error"] == "invalid_auth"
        assert (await it.call("auth.test", token))["team_id"] == "T0ACME"
        unknown = await it.call("chat.nonsense", token)
        assert (unknown["ok"], unknown["error"]) == (False, "unknown_method")
        assert (await it.call("auth.revoke", token))["revoked"]
        assert (await it.call("auth.test", token))["error"] in ("token_revoked", "account_inactive")


@pytest.mark.gen_test
async def test_uninstalling_wants_the_apps_own_credentials_and_ends_its_tokens() -> None:
    async with stand() as it:
        token = (await it.exchange(it.code()))["access_token"]
        wrong = await it.call("apps.uninstall", token, client_id="1.2", client_secret="wrong")
        assert not wrong["ok"]
        assert (await it.call("apps.uninstall", token, client_id="1.2", client_secret="sentinel"))["ok"]
        assert not (await it.call("auth.test", token))["ok"]
        assert not it.slack.world.is_installed(it.slack.workspace())


@pytest.mark.gen_test
async def test_a_trigger_opens_one_form_within_three_seconds() -> None:
    async with stand() as it:
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
async def test_a_response_url_is_good_five_times_in_thirty_minutes() -> None:
    async with stand() as it:
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
async def test_requests_are_signed_as_slacks_documentation_shows() -> None:
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
async def test_every_kind_of_request_arrives_and_its_answer_is_kept() -> None:
    seen: list[Any] = []
    app = HTTPServer(Application([(r"/e", Recorder, {"seen": seen})], log_function=lambda handler: None))
    app.listen(0, "127.0.0.1")
    port = next(iter(app._sockets.values())).getsockname()[1]
    async with stand(f"http://127.0.0.1:{port}/e") as it:
        acme, people, sender = it.slack.workspace(), it.slack.people, it.slack.sender
        await people.mention(acme, "hi")
        await people.command(acme, "/x", "y z")
        await people.click(acme, {"action_id": "a", "block_id": "b"})
        await sender.interaction(acme, "shortcut", {"callback_id": "c"})
        await people.uninstall(acme)
        assert [answer.status for answer in it.slack.world.answers] == [200] * 6
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
async def test_an_app_that_does_not_answer_is_599_to_the_sender() -> None:
    async with stand("http://127.0.0.1:9/") as it:
        assert (await it.slack.people.command(it.slack.workspace(), "/x")).status == 599
        assert "failed" in it.slack.world.messages[-1].text


@pytest.mark.gen_test
async def test_it_listens_on_loopback_alone() -> None:
    async with stand() as it:
        assert {sock.getsockname()[0] for sock in it.slack._sockets} == {"127.0.0.1"}


@pytest.mark.gen_test
async def test_the_plain_page_shows_what_was_said_as_text() -> None:
    async with stand() as it:
        acme = it.slack.workspace()
        it.slack.people.show(acme, acme.channel_id, {"text": "<img src=x onerror=alert(1)>"})
        page = await it.browser.get(it.slack.url + "/")
        assert page.code == 200
        assert b"<img src=x" not in page.body
        assert b"&lt;img src=x" in page.body
