"""The simulated Web API follows Slack's rules, so that an app that works with it works with Slack."""

import json

import pytest

from latchkey.simulator import ConsentRefused
from tests.simulator.simulation import simulation


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
