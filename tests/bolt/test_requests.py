"""A mounted app answers Slack's requests through the real server: Bolt runs its listeners, this server all else."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import BoltResponse

from latchkey.bolt.responses import reply_from
from latchkey.handlers import Services
from latchkey.simulator import Slack
from tests.support.counts import count
from tests.support.waiting import until

Mount = Callable[[Any], Any]
MakeApp = Callable[..., Any]


def messages(slack: Slack) -> list[str]:
    return [message.text for message in slack.world.messages]


def calls(slack: Slack) -> list[str]:
    return [call.method for call in slack.world.calls]


@pytest.mark.gen_test
async def test_a_command_gets_the_apps_own_response_and_its_listener_goes_on(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str]
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.command(installed.workspace(), "/hello", "there")
    assert (answer.status, answer.document) == (200, {"text": "hi there", "response_type": "in_channel"})
    await until(lambda: "after ack" in messages(installed))
    assert "auth.test" not in calls(installed)


@pytest.mark.gen_test
async def test_the_status_of_a_response_is_the_apps(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str]
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.command(installed.workspace(), "/teapot")
    assert (answer.status, answer.body) == (418, "short and stout")


def test_a_response_keeps_its_headers_and_loses_those_that_the_server_sets() -> None:
    headers = {"X-Pot": ["tea", "coffee"], "Content-Length": "7", "Content-Type": "text/css", "X-Bad": "a\r\nb: c"}
    reply = reply_from(BoltResponse(status=201, body="é", headers=headers))
    assert reply == (201, "text/css", "é".encode(), (("x-pot", "tea"), ("x-pot", "coffee")))


@pytest.mark.gen_test
async def test_a_command_that_no_listener_is_for_gets_bolts_404(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str]
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.command(installed.workspace(), "/nothing")
    assert (answer.status, answer.document) == (404, {"error": "unhandled request"})


@pytest.mark.gen_test
async def test_a_command_whose_listener_raises_gets_a_500_and_is_not_repeated(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.command(installed.workspace(), "/broken")
    assert answer.status == 500
    await until(lambda: seen == ["handled RuntimeError"])
    assert count(services.metrics, "events_retried") == 0


@pytest.mark.gen_test
async def test_a_lazy_listener_of_a_command_runs_after_the_response(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str]
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.command(installed.workspace(), "/lazy")
    assert (answer.status, answer.body, seen) == (200, "working", [])
    await until(lambda: seen == ["lazy 1 marked"])


@pytest.mark.gen_test
async def test_an_event_is_answered_when_it_is_stored_and_then_runs(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    answer = await installed.sender.mention(installed.workspace(), "hello")
    assert (answer.status, answer.body) == (200, "")
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert len(seen) == 1
    assert seen[0].endswith("hello marked 1")
    assert messages(installed)[-1] == "Hello <@U0ALICE>!"
    assert "auth.test" not in calls(installed)


@pytest.mark.gen_test
async def test_an_event_is_retried_if_a_listener_raises_also_behind_an_error_handler(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    await installed.sender.mention(installed.workspace(), "fail")
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert [line.rpartition(" ")[2] for line in seen] == ["1", "ValueError", "2"]
    assert count(services.metrics, "events_retried") == 1


@pytest.mark.gen_test
async def test_an_event_is_retried_if_a_lazy_listener_raises(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    await installed.sender.event(installed.workspace(), {"type": "channel_created", "channel": {"id": "C1"}})
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert seen == ["lazy 1 marked", "lazy 2 marked"]


@pytest.mark.gen_test
async def test_an_event_that_the_app_refuses_is_retried_until_it_has_failed(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    event = {"type": "team_join", "user": {"id": "U1", "team_id": "T0ACME"}}
    assert (await installed.sender.event(installed.workspace(), event)).status == 200
    await until(lambda: count(services.metrics, "events_failed") == 1)
    assert seen == []


@pytest.mark.gen_test
async def test_an_event_that_no_matcher_accepts_is_done(
    installed: Slack, mount: Mount, make_app: MakeApp, seen: list[str], services: Services
) -> None:
    mount(make_app(seen))
    for reaction in ("cry", "wave"):
        event = {"type": "reaction_added", "user": "U0ALICE", "reaction": reaction, "item": {"channel": "C1"}}
        await installed.sender.event(installed.workspace(), event)
    await until(lambda: count(services.metrics, "events_finished") == 2)
    assert seen == ["wave"]
    assert count(services.metrics, "events_retried") == 0
