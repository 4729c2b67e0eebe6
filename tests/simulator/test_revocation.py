"""How tokens end: auth.revoke, apps.uninstall and the removal of the app."""

import json
from typing import Any

import pytest

from latchkey.simulator import Token
from tests.simulator.simulation import CREDENTIALS, recording_app, simulation

BOTH = {"scope": "chat:write", "user_scope": "search:read"}


@pytest.mark.gen_test
async def test_auth_revoke_ends_one_token_of_an_app_with_token_rotation() -> None:
    """https://docs.slack.dev/authentication/using-token-rotation#uninstalling"""
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**BOTH))
        token, refresh = installed["access_token"], installed["refresh_token"]
        assert (await it.call("auth.revoke", token))["revoked"]
        assert await it.error(token) == "token_revoked"
        assert await it.error(installed["authed_user"]["access_token"]) is None
        assert it.slack.world.is_installed(it.slack.workspace())
        new = await it.refresh(refresh)
        assert new["ok"], "the refresh token is another token"
        assert (await it.call("auth.revoke", new["refresh_token"]))["revoked"]
        assert (await it.refresh(new["refresh_token"]))["error"] == "invalid_refresh_token"
        assert await it.error(new["access_token"]) is None


@pytest.mark.gen_test
async def test_auth_revoke_of_a_long_lived_token_ends_all_tokens_of_its_holder() -> None:
    """https://docs.slack.dev/authentication/using-token-rotation#exchange"""
    async with simulation() as it:
        installed = await it.exchange(it.code(**BOTH))
        it.slack.turn_token_rotation_on()
        pair = await it.call("oauth.v2.exchange", token=installed["access_token"], **CREDENTIALS)
        assert (await it.call("auth.revoke", installed["access_token"]))["revoked"]
        assert await it.error(pair["access_token"]) == "account_inactive"
        assert (await it.refresh(pair["refresh_token"]))["error"] == "invalid_refresh_token"
        assert await it.error(installed["authed_user"]["access_token"]) is None


@pytest.mark.gen_test
async def test_auth_revoke_with_test_revokes_nothing() -> None:
    """https://docs.slack.dev/reference/methods/auth.revoke"""
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        assert (await it.call("auth.revoke", token, test="true")) == {"ok": True, "revoked": False}
        assert await it.error(token) is None


@pytest.mark.gen_test
async def test_auth_revoke_refuses_a_token_that_is_not_valid() -> None:
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code())
        assert (await it.call("auth.revoke", "xoxb-nonsense"))["error"] == "invalid_auth"
        assert (await it.call("auth.revoke"))["error"] == "not_authed"
        it.clock.now += 43_200
        assert (await it.call("auth.revoke", installed["access_token"]))["error"] == "token_expired"


@pytest.mark.gen_test
async def test_apps_uninstall_ends_every_token_of_the_installation() -> None:
    """https://docs.slack.dev/reference/methods/apps.uninstall"""
    async with simulation(token_rotation=True) as it:
        installed = await it.exchange(it.code(**BOTH))
        elsewhere = await it.exchange(it.code("T0BIRCH"))
        token = installed["access_token"]
        assert (await it.call("apps.uninstall", token, **CREDENTIALS))["ok"]
        assert await it.error(token) == "account_inactive"
        assert await it.error(installed["authed_user"]["access_token"]) == "token_revoked"
        for half in (installed, installed["authed_user"]):
            assert (await it.refresh(half["refresh_token"]))["error"] == "invalid_refresh_token"
        assert await it.error(elsewhere["access_token"]) is None
        assert (await it.refresh(elsewhere["refresh_token"]))["ok"]
        assert not it.slack.world.is_installed(it.slack.workspace())


@pytest.mark.gen_test
async def test_apps_uninstall_needs_a_valid_token_of_the_app_and_its_credentials() -> None:
    async with simulation() as it:
        token = (await it.exchange(it.code()))["access_token"]
        other = Token(it.slack.workspace(), "UBOTACME", True, False, "chat:write", app_id="A0OTHER")
        others = it.slack.world.issue_token("xoxb", other)
        for value, changes, error in (
            ("", {}, "not_authed"),
            ("xoxb-nonsense", {}, "invalid_auth"),
            (others, {}, "client_id_token_mismatch"),
            (token, {"client_id": "9.9"}, "invalid_client_id"),
            (token, {"client_secret": "wrong"}, "bad_client_secret"),
        ):
            assert (await it.call("apps.uninstall", value, **{**CREDENTIALS, **changes}))["error"] == error
        assert [await it.error(value) for value in (token, others)] == [None, None]


@pytest.mark.gen_test
async def test_an_org_wide_app_cannot_uninstall_itself() -> None:
    """https://docs.slack.dev/reference/methods/apps.uninstall: "The method cannot be called from an Enterprise." """
    async with simulation() as it:
        token = (await it.exchange(it.code("T0CEDAR", org_wide=True)))["access_token"]
        assert (await it.call("apps.uninstall", token, **CREDENTIALS))["error"] == "enterprise_is_restricted"
        assert await it.error(token) is None
        assert (await it.call("auth.revoke", token))["revoked"]


@pytest.mark.gen_test
async def test_removing_the_app_from_a_workspace_leaves_the_org_wide_install() -> None:
    async with simulation() as it:
        cedar = it.slack.workspace("T0CEDAR")
        own = (await it.exchange(it.code("T0CEDAR")))["access_token"]
        org_wide = (await it.exchange(it.code("T0CEDAR", org_wide=True)))["access_token"]
        it.slack.remove_app(cedar)
        assert [await it.error(token) for token in (own, org_wide)] == ["account_inactive", None]
        it.slack.remove_app(cedar, org_wide=True)
        assert await it.error(org_wide) == "account_inactive"


class Received:
    """The events that an app has received."""

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen

    @property
    def wrappers(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self._seen]

    @property
    def types(self) -> list[str]:
        return [wrapper["event"]["type"] for wrapper in self.wrappers]


@pytest.mark.gen_test
async def test_the_events_of_a_removal_come_in_any_order_and_more_than_once() -> None:
    """https://docs.slack.dev/reference/events/app_uninstalled"""
    order = ["app_uninstalled", "tokens_revoked", "app_uninstalled"]
    async with recording_app() as (url, seen), simulation(url) as it:
        await it.exchange(it.code(**BOTH))
        await it.slack.revocations.remove_app(it.slack.workspace(), events=order)
    received = Received(seen)
    assert received.types == order
    assert received.wrappers[1]["event"]["tokens"] == {"oauth": ["U0ALICE"], "bot": ["UBOTACME"]}
    assert not any("authorizations" in wrapper for wrapper in received.wrappers)
    assert {wrapper["team_id"] for wrapper in received.wrappers} == {"T0ACME"}


@pytest.mark.gen_test
async def test_a_person_takes_back_only_their_own_tokens() -> None:
    """https://docs.slack.dev/reference/events/tokens_revoked"""
    async with recording_app() as (url, seen), simulation(url, token_rotation=True) as it:
        alice = await it.exchange(it.code(**BOTH))
        bob = await it.exchange(it.code(user_id="U0BOB", **BOTH))
        await it.slack.revocations.revoke_person(it.slack.workspace(), "U0BOB")
        assert await it.error(bob["authed_user"]["access_token"]) == "token_revoked"
        assert (await it.refresh(bob["authed_user"]["refresh_token"]))["error"] == "invalid_refresh_token"
        for token in (alice["access_token"], bob["access_token"], alice["authed_user"]["access_token"]):
            assert await it.error(token) is None
    [wrapper] = Received(seen).wrappers
    assert wrapper["event"]["tokens"] == {"oauth": ["U0BOB"]}


@pytest.mark.gen_test
async def test_the_last_revocation_of_a_user_only_app_uninstalls_it() -> None:
    async with recording_app() as (url, seen), simulation(url, token_rotation=True) as it:
        for user_id in ("U0ALICE", "U0BOB"):
            await it.exchange(it.code(user_id=user_id, scope="", user_scope="search:read"))
        for user_id in ("U0BOB", "U0ALICE"):
            await it.slack.revocations.revoke_person(it.slack.workspace(), user_id)
    assert Received(seen).types == ["tokens_revoked", "tokens_revoked", "app_uninstalled"]


@pytest.mark.gen_test
async def test_an_org_takes_away_and_grants_access_to_workspaces() -> None:
    """https://docs.slack.dev/reference/events/team_access_revoked"""
    async with recording_app() as (url, seen), simulation(url) as it:
        cedar = it.slack.workspace("T0CEDAR")
        token = (await it.exchange(it.code("T0CEDAR", org_wide=True)))["access_token"]
        await it.slack.revocations.revoke_team_access(cedar)
        assert not it.slack.world.is_installed(cedar)
        await it.slack.revocations.grant_team_access(cedar)
        assert it.slack.world.is_installed(cedar)
        assert await it.error(token) is None
    received = Received(seen)
    assert received.types == ["team_access_revoked", "team_access_granted"]
    for wrapper in received.wrappers:
        assert ("team_id" in wrapper, wrapper["enterprise_id"]) == (False, "E0FOREST")
        assert wrapper["event"]["team_ids"] == ["T0CEDAR"]


@pytest.mark.gen_test
async def test_a_reinstall_after_a_removal_gets_tokens_that_work() -> None:
    async with simulation(token_rotation=True) as it:
        await it.exchange(it.code())
        it.slack.remove_app(it.slack.workspace())
        again = await it.exchange(it.code())
        assert await it.error(again["access_token"]) is None
        assert (await it.refresh(again["refresh_token"]))["ok"]
