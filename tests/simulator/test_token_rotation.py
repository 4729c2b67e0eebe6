"""The simulated tokens follow the rules of https://docs.slack.dev/authentication/using-token-rotation."""

import asyncio
import json
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from tornado.simple_httpclient import HTTPStreamClosedError

from latchkey.simulator import Token
from tests.simulator.simulation import CREDENTIALS, Simulation, simulation
from tests.support.waiting import until

HOURS = 3600.0
INSTALL = {"scope": "chat:write", "user_scope": "search:read"}


async def install(it: Simulation, **changes: str) -> dict[str, str]:
    installed = await it.exchange(it.code(**changes))
    return {name: installed[name] for name in ("access_token", "refresh_token")}


@pytest.mark.gen_test
async def test_bot_and_user_get_a_pair_each_that_expires_in_twelve_hours() -> None:
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**INSTALL))
        for half, prefix in ((installed, "xoxe.xoxb-1-"), (installed["authed_user"], "xoxe.xoxp-1-")):
            assert half["access_token"].startswith(prefix)
            assert half["refresh_token"].startswith("xoxe-1-")
            assert half["expires_in"] == 43_200
            it.clock.now += 43_199
            assert await it.error(half["access_token"]) is None
            it.clock.now += 1
            assert await it.error(half["access_token"]) == "token_expired"
            it.clock.now -= 43_200


@pytest.mark.gen_test
async def test_without_token_rotation_tokens_do_not_expire_and_have_no_refresh_token() -> None:
    async with simulation() as it:
        installed = await it.exchange(it.code())
        assert not {"refresh_token", "expires_in"} & set(installed)
        it.clock.now += 10_000 * HOURS
        assert await it.error(installed["access_token"]) is None


@pytest.mark.gen_test
async def test_a_refresh_returns_a_new_pair_for_one_half() -> None:
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**INSTALL))
        bot = await it.refresh(installed["refresh_token"])
        user = await it.refresh(installed["authed_user"]["refresh_token"])
        assert (bot["token_type"], bot["scope"], bot["bot_user_id"]) == ("bot", "chat:write", "UBOTACME")
        assert (user["token_type"], user["scope"], user["user_id"]) == ("user", "search:read", "U0ALICE")
        assert all("authed_user" not in half for half in (bot, user))
        values = [installed, installed["authed_user"], bot, user]
        assert len({half["refresh_token"] for half in values} | {half["access_token"] for half in values}) == 8
        assert bot["team"]["id"] == "T0ACME"


@pytest.mark.gen_test
async def test_a_refresh_leaves_the_old_access_token_valid() -> None:
    async with simulation(token_rotation=True) as it:
        old = await install(it)
        new = await it.refresh(old["refresh_token"])
        assert [await it.error(token) for token in (old["access_token"], new["access_token"])] == [None, None]


@pytest.mark.gen_test
async def test_the_third_live_token_of_a_holder_revokes_the_oldest() -> None:
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**INSTALL))
        second = await it.refresh(installed["refresh_token"])
        third = await it.refresh(second["refresh_token"])
        errors = [await it.error(half["access_token"]) for half in (installed, second, third)]
        assert errors == ["token_revoked", None, None]
        assert await it.error(installed["authed_user"]["access_token"]) is None, "another holder"


@pytest.mark.gen_test
async def test_expired_tokens_do_not_count_as_live() -> None:
    async with simulation(token_rotation=True) as it:
        first = await install(it)
        it.clock.now += 11 * HOURS
        second = await it.refresh(first["refresh_token"])
        it.clock.now += 2 * HOURS
        third = await it.refresh(second["refresh_token"])
        errors = [await it.error(half["access_token"]) for half in (first, second, third)]
        assert errors == ["token_expired", None, None]


@pytest.mark.gen_test
async def test_a_refresh_token_works_once_and_again_only_within_the_grace_period() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        it.slack.world.token_book.grace_seconds = 30
        assert (await it.refresh(first))["ok"]
        it.clock.now += 29
        assert (await it.refresh(first))["ok"]
        it.clock.now += 1
        assert (await it.refresh(first))["error"] == "invalid_refresh_token"


@pytest.mark.gen_test
async def test_only_the_latest_answer_within_the_grace_period_can_be_refreshed() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        lost, received = await it.refresh(first), await it.refresh(first)
        assert lost["refresh_token"] != received["refresh_token"]
        assert (await it.refresh(lost["refresh_token"]))["error"] == "invalid_refresh_token"
        assert (await it.refresh(received["refresh_token"]))["ok"]


@pytest.mark.gen_test
async def test_using_the_new_refresh_token_ends_the_grace_period_of_the_old_one() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        second = (await it.refresh(first))["refresh_token"]
        assert (await it.refresh(second))["ok"]
        assert (await it.refresh(first))["error"] == "invalid_refresh_token"


@pytest.mark.gen_test
async def test_a_refresh_token_does_not_expire() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        it.clock.now += 10_000 * HOURS
        assert (await it.refresh(first))["ok"]


@pytest.mark.gen_test
async def test_a_refresh_needs_the_apps_credentials_and_its_own_refresh_token() -> None:
    async with simulation(token_rotation=True) as it:
        pair = await install(it)
        token = pair["refresh_token"]
        assert (await it.refresh(token, client_secret="wrong"))["error"] == "bad_client_secret"
        assert (await it.refresh(token, client_id="9.9"))["error"] == "invalid_client_id"
        assert (await it.refresh(token, grant_type="refresh"))["error"] == "invalid_grant_type"
        assert (await it.refresh("xoxe-1-nonsense"))["error"] == "invalid_refresh_token"
        assert (await it.refresh(pair["access_token"]))["error"] == "invalid_refresh_token"
        other = Token(it.slack.workspace(), "UBOTACME", True, False, "chat:write", app_id="A0OTHER")
        others = it.slack.world.token_book.issue_pair(other)
        assert (await it.refresh(others["refresh_token"]))["error"] == "invalid_refresh_token"
        assert (await it.call("auth.test", token))["error"] == "not_allowed_token_type"
        assert (await it.refresh(token))["ok"], "no refused call has used it"


@pytest.mark.gen_test
async def test_counts_how_often_each_refresh_token_was_sent() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        it.slack.fail("oauth.v2.access", status=500)
        await it.refresh(first)
        second = (await it.refresh(first))["refresh_token"]
        assert (it.slack.times_sent(first), it.slack.times_sent(second)) == (2, 0)
        assert it.slack.world.refresh_tokens[first].accepted == 1
        assert it.slack.times_sent("xoxe-1-nonsense") == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("fault", [{"closes": True}, {"status": 500}, {"error": "internal_error"}], ids=str)
async def test_an_answer_can_be_lost_after_slack_has_acted(fault: dict[str, object]) -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        it.slack.fail("oauth.v2.access", acts=True, **fault)  # type: ignore[arg-type]
        try:
            assert not (await it.refresh(first))["ok"]
        except HTTPStreamClosedError:
            assert fault == {"closes": True}
        assert it.slack.world.refresh_tokens[first].accepted == 1
        it.clock.now += 61
        assert (await it.refresh(first))["error"] == "invalid_refresh_token"


@pytest.mark.gen_test
async def test_an_answer_can_be_slow_after_slack_has_acted() -> None:
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        it.slack.fail("oauth.v2.access", acts=True, seconds=0.2)
        answer = asyncio.create_task(it.refresh(first))
        await until(lambda: it.slack.world.refresh_tokens[first].accepted)
        assert not answer.done()
        assert (await answer)["refresh_token"] == it.slack.world.refresh_tokens[first].successor


@pytest.mark.gen_test
async def test_the_apps_credentials_may_be_in_the_authorization_header() -> None:
    """https://docs.slack.dev/reference/methods/oauth.v2.access"""
    async with simulation(token_rotation=True) as it:
        first = (await install(it))["refresh_token"]
        body = urlencode({"grant_type": "refresh_token", "refresh_token": first})
        for secret, error in (("wrong", "bad_client_secret"), ("sentinel", None)):
            headers = {"Authorization": "Basic " + b64encode(f"1.2:{secret}".encode()).decode()}
            response = await it.browser.post(it.slack.api_url + "oauth.v2.access", body, headers)
            assert json.loads(response.body).get("error") == error


@pytest.mark.gen_test
async def test_a_call_can_fail_for_one_half_only() -> None:
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**INSTALL))
        user = installed["authed_user"]["refresh_token"]
        it.slack.fail("oauth.v2.access", status=500, matches=lambda arguments: arguments["refresh_token"] == user)
        assert (await it.refresh(installed["refresh_token"]))["ok"]
        assert not (await it.refresh(user))["ok"]
        assert (await it.refresh(user))["ok"]


@pytest.mark.gen_test
async def test_a_long_lived_token_is_exchanged_once_and_ends_with_the_first_refresh() -> None:
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        refused = await it.call("oauth.v2.exchange", token=token, **CREDENTIALS)
        assert refused["error"] == "token_rotation_not_enabled"
        it.slack.turn_token_rotation_on()
        pair = await it.call("oauth.v2.exchange", token=token, **CREDENTIALS)
        assert (pair["token_type"], pair["expires_in"], pair["team"]["id"]) == ("bot", 43_200, "T0ACME")
        again = await it.call("oauth.v2.exchange", token=token, **CREDENTIALS)
        assert again["error"] == "token_already_exchanged"
        assert await it.error(token) is None
        assert (await it.refresh(pair["refresh_token"]))["ok"]
        assert await it.error(token) == "token_revoked"


@pytest.mark.gen_test
async def test_an_exchange_needs_the_apps_credentials_and_a_valid_long_lived_token_of_it() -> None:
    async with simulation() as it:
        token, revoked = [(await it.exchange(it.code()))["access_token"] for _ in range(2)]
        it.slack.world.tokens[revoked].revoked = True
        it.slack.turn_token_rotation_on()
        wrong = {**CREDENTIALS, "client_secret": "wrong"}
        assert (await it.call("oauth.v2.exchange", token=token, **wrong))["error"] == "bad_client_secret"
        other = Token(it.slack.workspace(), "UBOTACME", True, False, "chat:write", app_id="A0OTHER")
        expiring = await install(it)
        for value in ("xoxb-nonsense", it.slack.world.issue_token("xoxb", other), *expiring.values()):
            refused = await it.call("oauth.v2.exchange", token=value, **CREDENTIALS)
            assert refused["error"] == "invalid_token"
        refused = await it.call("oauth.v2.exchange", token=revoked, **CREDENTIALS)
        assert refused["error"] == "authorization_not_found"
