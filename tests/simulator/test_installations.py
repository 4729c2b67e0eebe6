"""The kinds of installation, in what the app receives: a workspace's, an org-wide one, one without a bot, a function."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from latchkey.simulator import SimulatedWorkspace
from tests.simulator.simulation import recording_app, simulation

CREATED = {"type": "channel_created", "channel": {"id": "C1"}}


def wrapper(request: Any) -> dict[str, Any]:
    return dict(json.loads(request.body))


def payload(request: Any) -> dict[str, Any]:
    return dict(json.loads(dict(parse_qsl(request.body.decode()))["payload"]))


@pytest.mark.gen_test
async def test_an_event_of_a_workspace_names_its_bot() -> None:
    """https://docs.slack.dev/apis/events-api#authorizations"""
    async with recording_app() as (url, seen), simulation(url) as it:
        await it.exchange(it.code(user_scope="search:read"))
        await it.slack.sender.event(it.slack.workspace(), CREATED)
    assert wrapper(seen[0])["authorizations"] == [
        {
            "enterprise_id": None,
            "team_id": "T0ACME",
            "user_id": "UBOTACME",
            "is_bot": True,
            "is_enterprise_install": False,
        }
    ]


@pytest.mark.gen_test
async def test_an_event_of_an_app_without_a_bot_names_the_person_who_installed_it() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await it.exchange(it.code(scope="", user_scope="search:read", user_id="U0BOB"))
        await it.slack.sender.event(it.slack.workspace(), CREATED)
    [authorization] = wrapper(seen[0])["authorizations"]
    assert (authorization["user_id"], authorization["is_bot"]) == ("U0BOB", False)


@pytest.mark.gen_test
async def test_requests_from_a_workspace_of_an_org_say_that_the_install_is_org_wide() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        cedar = it.slack.workspace("T0CEDAR")
        await it.exchange(it.code("T0CEDAR", org_wide=True))
        await it.slack.sender.event(cedar, CREATED)
        await it.slack.people.command(cedar, "/x")
        await it.slack.people.click(cedar, {"action_id": "a", "block_id": "b"})
        await it.slack.sender.event(it.slack.workspace(), CREATED)
    event, command, click, elsewhere = seen
    assert (wrapper(event)["team_id"], wrapper(event)["enterprise_id"]) == ("T0CEDAR", "E0FOREST")
    assert wrapper(event)["authorizations"][0]["is_enterprise_install"] is True
    fields = dict(parse_qsl(command.body.decode()))
    assert (fields["is_enterprise_install"], fields["enterprise_id"]) == ("true", "E0FOREST")
    assert payload(click)["is_enterprise_install"] is True
    assert wrapper(elsewhere)["authorizations"][0]["is_enterprise_install"] is False


@pytest.mark.gen_test
async def test_an_org_wide_install_acts_in_every_workspace_of_the_org() -> None:
    dogwood = SimulatedWorkspace("T0DOGWOOD", "Dogwood", enterprise_id="E0FOREST", enterprise_name="Forest")
    async with recording_app() as (url, seen), simulation(url) as it:
        await it.exchange(it.code("T0CEDAR", org_wide=True))
        assert it.slack.world.is_installed(dogwood)
        await it.slack.sender.event(dogwood, CREATED)
        await it.slack.revocations.revoke_team_access(dogwood)
        assert not it.slack.world.is_installed(dogwood)
        assert it.slack.world.is_installed(it.slack.workspace("T0CEDAR"))
    [authorization] = wrapper(seen[0])["authorizations"]
    assert (authorization["team_id"], authorization["user_id"]) == ("T0DOGWOOD", "UBOTCEDAR")
    assert authorization["is_enterprise_install"] is True


@pytest.mark.gen_test
async def test_a_function_has_a_token_of_its_own_until_it_is_complete() -> None:
    """https://docs.slack.dev/reference/events/function_executed"""
    async with recording_app() as (url, seen), simulation(url, token_rotation=True) as it:
        bot = (await it.exchange(it.code()))["access_token"]
        run, _response = await it.slack.functions.execute(it.slack.workspace(), "sample", {"user_id": "U0ALICE"})
        await it.slack.functions.block_action(run, {"action_id": "a", "block_id": "b"})
        event = wrapper(seen[0])["event"]
        assert (event["inputs"], event["function"]["callback_id"]) == ({"user_id": "U0ALICE"}, "sample")
        token, execution_id = event["bot_access_token"], event["function_execution_id"]
        clicked = payload(seen[1])
        assert (clicked["bot_access_token"], clicked["function_data"]["execution_id"]) == (token, execution_id)
        assert (await it.call("chat.postMessage", token, channel="C0GENERAL", text="x"))["ok"]
        done = {"function_execution_id": execution_id, "outputs": '{"n": 1}'}
        assert (await it.call("functions.completeSuccess", token, **done))["ok"]
        assert it.slack.world.function_runs[execution_id].outputs == {"n": 1}
        assert await it.error(token) == "token_revoked"
        assert await it.error(bot) is None
        assert (await it.call("functions.completeSuccess", bot, **done))["error"] == "function_execution_not_found"


@pytest.mark.gen_test
async def test_a_functions_token_expires_after_fifteen_minutes() -> None:
    async with simulation() as it:
        await it.exchange(it.code())
        run, _response = await it.slack.functions.execute(it.slack.workspace(), "sample", {})
        it.clock.now += 899
        assert await it.error(run.token) is None
        it.clock.now += 1
        assert await it.error(run.token) == "token_expired"


@pytest.mark.gen_test
async def test_requests_are_signed_at_the_time_of_the_clock() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        it.clock.now += 86_400
        await it.slack.people.mention(it.slack.workspace(), "hi")
        assert int(seen[0].headers["X-Slack-Request-Timestamp"]) == int(it.clock.now)
