"""Scopes: https://docs.slack.dev/authentication/installing-with-oauth."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.simulator.simulation import Simulation, simulation

ALL = {"scope": "chat:write,reactions:read", "user_scope": "search:read,files:read"}


def make_optional(it: Simulation) -> None:
    it.slack.make_optional(bot=["reactions:read"], user=["files:read"])


@pytest.mark.gen_test
async def test_a_declined_optional_scope_is_not_granted() -> None:
    """https://docs.slack.dev/changelog/2026/03/16/optional-scopes"""
    async with simulation() as it:
        make_optional(it)
        installed = await it.exchange(it.code(declined=["reactions:read", "files:read"], **ALL))
        assert (installed["scope"], installed["authed_user"]["scope"]) == ("chat:write", "search:read")


@pytest.mark.gen_test
async def test_optional_scopes_are_granted_unless_they_are_declined() -> None:
    async with simulation() as it:
        make_optional(it)
        installed = await it.exchange(it.code(**ALL))
        assert (installed["scope"], installed["authed_user"]["scope"]) == tuple(ALL.values())


@pytest.mark.gen_test
async def test_only_optional_scopes_can_be_declined() -> None:
    async with simulation() as it:
        with pytest.raises(ValueError, match="not optional: reactions:read"):
            it.code(declined=["reactions:read"], **ALL)


@pytest.mark.gen_test
async def test_the_consent_page_offers_to_decline_each_optional_scope() -> None:
    async with simulation() as it:
        make_optional(it)
        url = it.authorize(**ALL)
        page = (await it.browser.get(url)).body.decode()
        assert page.count('type="checkbox"') == 2
        form = [("decision", "allow"), ("workspace", "T0ACME"), ("granted", "files:read")]
        callback = (await it.browser.post(url, urlencode(form))).headers["Location"]
        installed = await it.exchange(parse_qs(urlsplit(callback).query)["code"][0])
        assert (installed["scope"], installed["authed_user"]["scope"]) == ("chat:write", "search:read,files:read")


@pytest.mark.gen_test
@pytest.mark.parametrize("token_rotation", [False, True])
async def test_a_reinstall_adds_scopes_and_takes_none_away(token_rotation: bool) -> None:
    async with simulation(token_rotation=token_rotation) as it:
        await it.exchange(it.code(**ALL))
        again = await it.exchange(it.code(scope="commands", user_scope="search:read,emoji:read"))
        assert again["scope"] == "chat:write,reactions:read,commands"
        assert again["authed_user"]["scope"] == "search:read,files:read,emoji:read"
        bob = await it.exchange(it.code(scope="commands", user_scope="emoji:read", user_id="U0BOB"))
        assert bob["authed_user"]["scope"] == "emoji:read"


@pytest.mark.gen_test
async def test_removing_the_app_takes_its_scopes_away() -> None:
    async with simulation() as it:
        await it.exchange(it.code(**ALL))
        it.slack.remove_app(it.slack.workspace())
        assert (await it.exchange(it.code(scope="commands")))["scope"] == "commands"


@pytest.mark.gen_test
async def test_each_response_names_the_scopes_of_its_token() -> None:
    async with simulation() as it:
        installed = await it.exchange(it.code(**ALL))
        for half in (installed, installed["authed_user"]):
            headers = {"Authorization": f"Bearer {half['access_token']}"}
            response = await it.browser.post(it.slack.api_url + "auth.test", "", headers)
            assert response.headers["X-OAuth-Scopes"] == half["scope"]
