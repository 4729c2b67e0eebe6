"""Middleware and matchers: what runs, in which order, and what Slack gets, as with Bolt's App."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import slack_bolt
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request import BoltRequest

from latchkey.dispatch.listeners.arguments import Response
from tests.dispatch.doubles import Bench, command, event

Calls = list[str]
Register = Callable[[Any, Calls], None]


def passing(calls: Calls, name: str) -> Callable[..., None]:
    """Return middleware that lets everything pass."""

    def middleware(next_: Any) -> None:
        calls.append(name)
        next_()

    return middleware


def stopped_by_the_second(app: Any, calls: Calls) -> None:
    app.use(passing(calls, "first"))
    app.middleware(lambda: calls.append("second"))
    app.use(passing(calls, "third"))
    app.command("/hi")(lambda ack: ack("never"))


def passed_with_an_entry(app: Any, calls: Calls) -> None:
    @app.use
    def note(context: Any, next_: Any) -> None:
        next_()
        context["noted"] = "after next"  # the listener has not run yet

    app.command("/hi")(lambda ack, context: ack(context["noted"]))


def declined_by_a_matcher(app: Any, calls: Calls) -> None:
    app.command("/hi", matchers=[lambda command: command["text"] == "me"])(lambda ack: ack("me"))
    app.command("/hi", matchers=[lambda: calls.append("asked") or True, lambda body: True])(lambda ack: ack("you"))
    app.command("/hi")(lambda ack: ack("anybody"))


def declined_by_listener_middleware(app: Any, calls: Calls) -> None:
    app.command("/hi", middleware=[lambda: calls.append("declines")])(lambda ack: ack("first"))
    app.command("/hi", middleware=[passing(calls, "passes")])(lambda ack: ack("second"))


def declined_by_all(app: Any, calls: Calls) -> None:
    app.command("/hi", matchers=[lambda: False])(lambda ack: ack("never"))


def answered_by_middleware(app: Any, calls: Calls) -> None:
    app.use(lambda: slack_bolt.BoltResponse(status=418, body="no"))
    app.command("/hi")(lambda ack: ack("never"))


def not_answered_by_what_a_listener_returns(app: Any, calls: Calls) -> None:
    app.command("/hi")(lambda ack: (ack("acked"), slack_bolt.BoltResponse(status=202))[1])


def answered_by_an_error_handler(app: Any, calls: Calls) -> None:
    @app.error
    def handler(error: Exception, response: Any, request: Any, next_: Any) -> None:
        calls.append(f"{error} {request.body['command']} {next_}")
        response.status, response.headers["x-tried"] = 503, ["1"]

    @app.command("/hi")
    def listener(ack: Any) -> None:
        raise ValueError("no luck")


CASES = [
    stopped_by_the_second, passed_with_an_entry, declined_by_a_matcher, declined_by_listener_middleware,
    declined_by_all, answered_by_middleware, not_answered_by_what_a_listener_returns, answered_by_an_error_handler,
]  # fmt: skip


def in_bolt(register: Register) -> tuple[Calls, int, str, str | None]:
    """Return the calls, and the response of Bolt's App to `/hi you`."""
    app = slack_bolt.App(
        authorize=lambda **_: AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1"),
        signing_secret="s",
        request_verification_enabled=False,
    )
    calls: Calls = []
    register(app, calls)
    body = urlencode({name: str(value) for name, value in command().body.items()})
    response = app.dispatch(BoltRequest(body=body, headers={"content-type": "application/x-www-form-urlencoded"}))
    return calls, response.status, response.body, response.headers.get("x-tried", [None])[0]


@pytest.mark.parametrize("register", CASES)
def test_middleware_matchers_and_responses_do_what_they_do_in_bolt(bench: Bench, register: Register) -> None:
    calls: Calls = []
    register(bench.app, calls)
    reply = bench.reply_to(command())
    bolts_calls, status, body, tried = in_bolt(register)
    assert calls == bolts_calls
    assert reply.status == status
    assert dict(reply.headers).get("x-tried") == tried
    if register is not declined_by_all:  # a 404 has a text of our own
        assert reply.body.decode() == body


def test_async_middleware_awaits_next(bench: Bench) -> None:
    calls: Calls = []

    @bench.app.use
    async def first(next_: Any, context: Any) -> None:
        context["by"] = "first"
        await next_()

    async def only(context: Any) -> bool:
        return bool(context["by"] == "first")

    @bench.app.command("/hi", matchers=[only])
    async def listener(ack: Any, context: Any) -> None:
        calls.append(context.by)
        await ack(response_type="in_channel", text="x")

    assert json.loads(bench.reply_to(command()).body)["text"] == "x"
    assert calls == ["first"]


def test_middleware_runs_once_for_an_event_and_each_listener_has_its_entries(bench: Bench) -> None:
    calls: Calls = []

    @bench.app.use
    def note(context: Any, next_: Any) -> None:
        calls.append("middleware")
        context["noted"] = True
        next_()

    @bench.app.message("he(l+)o")
    def first(context: Any) -> None:
        calls.append(f"first {context['noted']} {context['matches'][0]}")
        context["own"] = True

    @bench.app.message("the(.)e")
    async def second(context: Any) -> None:
        time.sleep(0)
        calls.append(f"second {context['noted']} {context['matches'][0]} {'own' in context}")

    bench.send(event("message"))
    assert calls[0] == "middleware"
    assert sorted(calls[1:]) == ["first True ll", "second True r False"]


def test_an_event_that_middleware_stops_is_done(bench: Bench) -> None:
    calls: Calls = []
    bench.app.use(lambda: calls.append("stopped"))
    bench.app.event("app_mention")(lambda: calls.append("never"))
    bench.send(event())
    bench.live(0.05)
    assert calls == ["stopped"]
    assert bench.count("events_finished") == 1


def test_an_event_whose_middleware_raises_is_retried(bench: Bench) -> None:
    calls: Calls = []
    bench.delay = lambda attempts, chance: 0.0

    @bench.app.use
    def flaky(next_: Any) -> None:
        calls.append("middleware")
        if len(calls) == 1:
            raise ValueError("once")
        next_()

    bench.app.error(lambda error: calls.append(str(error)))
    bench.app.event("app_mention")(lambda: calls.append("listener"))
    bench.send(event())
    bench.live_until(lambda: "listener" in calls)
    assert calls == ["middleware", "once", "middleware", "listener"]


def test_a_matcher_that_declines_an_event_keeps_only_its_own_listener_from_running(bench: Bench) -> None:
    calls: Calls = []
    bench.app.event("app_mention", matchers=[lambda event: event["text"] == "bye"])(lambda: calls.append("never"))
    bench.app.event("app_mention")(lambda: calls.append("listener"))
    bench.send(event())
    assert calls == ["listener"]


def test_an_event_and_an_install_need_no_response(bench: Bench) -> None:
    bench.app.event("app_mention")(lambda: Response(status=500))
    assert bench.send(event()) == [None]


def test_middleware_returns_the_response_that_it_is_given(bench: Bench) -> None:
    @bench.app.use
    def answer(response: Any) -> Any:
        response.status, response.body = 201, {"a": 1}
        return response

    bench.app.command("/hi")(lambda ack: ack())
    reply = bench.reply_to(command())
    assert (reply.status, json.loads(reply.body)) == (201, {"a": 1})
    assert "json" in reply.content_type


@pytest.mark.parametrize("is_async", [True, False])
def test_the_apps_client_takes_a_token_with_each_call(bench: Bench, is_async: bool) -> None:
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def listener(ack: Any) -> None:
        seen.append(await bench.app.client.api_call("auth.test", params={"token": "xoxb-own"}))
        await ack()

    @bench.app.command("/there")
    def blocking(ack: Any) -> None:
        seen.append(bench.app.client.auth_test(token="xoxb-own"))
        ack()

    with pytest.raises(RuntimeError, match="works only while the server runs"):
        bench.app.client  # noqa: B018
    bench.reply_to(command("/hi" if is_async else "/there"))
    assert seen[0].data["ok"]
    assert bench.clients.made[-1].token is None
    assert bench.clients.calls[0][1]["params"]["token"] == "xoxb-own"


def test_a_request_has_a_body_and_a_context_and_names_what_else_is_missing(bench: Bench) -> None:
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, request: Any, req: Any) -> None:
        seen.extend([req.body["text"], request.context.team_id])
        with pytest.raises(AttributeError, match="request has no headers"):
            request.headers  # noqa: B018
        await ack()

    bench.reply_to(command())
    assert seen == ["you", "T1"]


def test_middleware_may_call_slack(bench: Bench) -> None:
    bench.app.use(lambda client, next: (client.auth_test(), next()))
    bench.app.command("/hi")(lambda ack: ack())
    bench.reply_to(command())
    assert [method for method, _ in bench.clients.calls] == ["auth.test"]


def test_middleware_may_not_name_what_does_not_exist(bench: Bench) -> None:
    with pytest.raises(TypeError, match="unknown argument 'nothing'"):
        bench.app.use(lambda nothing, next: None)
    with pytest.raises(TypeError, match="unknown argument 'next'"):
        bench.app.command("/hi")(lambda ack, next: None)
