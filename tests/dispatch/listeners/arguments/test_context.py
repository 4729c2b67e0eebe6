"""The context has Bolt's names, as items and as attributes, with Bolt's values, and it never prints a token."""

from typing import Any

import pytest
from slack_bolt.context.base_context import BaseContext
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from latchkey.dispatch.listeners.arguments.context import CONTEXT_NAMES, OF_THE_CALL
from latchkey.storage import UserToken
from tests.dispatch.doubles import Bench, action, command, event
from tests.dispatch.listeners.bolt_side import RecordingClients, calls_here, calls_in_bolt

ONLY_IN_BOLT = {"listener_runner"}
VALUES = [
    "enterprise_id", "team_id", "is_enterprise_install", "user_id", "actor_enterprise_id", "actor_team_id",
    "actor_user_id", "channel_id", "thread_ts", "token", "bot_token", "bot_id", "bot_user_id", "user_token", "matches",
    "function_bot_access_token", "function_execution_id", "inputs",
]  # fmt: skip


def test_every_name_of_bolts_context_exists_unless_only_bolt_has_it() -> None:
    assert set(BaseContext.standard_property_names) - ONLY_IN_BOLT <= CONTEXT_NAMES | OF_THE_CALL


@pytest.mark.parametrize(
    "payload",
    [
        event(),
        event("message", ts="1.5", thread_ts="1.1"),
        event("message", subtype="message_replied", message={"user": "U2", "thread_ts": "1.1"}, user=None),
        event("reaction_added", item={"channel": "C3"}, channel=None),
        event(
            "function_executed",
            function={"callback_id": "f"},
            function_execution_id="Fx1",
            inputs={"a": 1},
            bot_access_token="xwfp-1",
        ),
    ],
    ids=["mention", "in a thread", "reply", "reaction", "custom step"],
)
def test_its_values_are_bolts(bench: Bench, monkeypatch: pytest.MonkeyPatch, payload: Any) -> None:
    seen: list[Any] = []

    def register(app: Any) -> None:
        app.event(payload.type)(lambda context: seen.append({name: getattr(context, name) for name in VALUES}))

    calls_here(bench, register, payload)
    calls_in_bolt(monkeypatch, register, payload)
    assert seen[0] == seen[1]


def test_its_functions_are_those_of_the_listener_that_uses_it(bench: Bench) -> None:
    bench.clients = RecordingClients()
    seen: list[Any] = []

    @bench.app.use
    async def first(context: Any, next_: Any) -> None:
        seen.append(context.client)
        await context.say("from middleware")
        await next_()

    @bench.app.action("a")
    def listener(context: Any) -> None:
        seen.append(context["client"])
        context.ack()
        context.say("from a listener")
        context.logger.info("logged")
        assert context.get("client") is None, "items of the call are made only if they are asked for"

    assert bench.reply_to(action()).status == 200
    assert isinstance(seen[0], AsyncWebClient)
    assert isinstance(seen[1], WebClient)
    assert [arguments["text"] for _, arguments in bench.clients.calls] == ["from middleware", "from a listener"]


def test_it_has_the_tokens_of_the_call_and_prints_none_of_them(bench: Bench) -> None:
    bench.installations.users["U1"] = UserToken("U1", "xoxp-sentinel", None)
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, context: Any, token: Any, authorize_result: Any) -> None:
        seen.extend([context, authorize_result, context.authorize_result, token])
        await ack()

    bench.reply_to(command())
    context, result, again, token = seen
    assert (token, context.token, context.user_token) == ("xoxb-sentinel", "xoxb-sentinel", "xoxp-sentinel")
    assert result == again
    assert (result.bot_token, result["user_token"]) == ("xoxb-sentinel", "xoxp-sentinel")
    assert (result.user_id, result.team_id, result.bot_user_id) == ("U1", "T1", "UBOT")
    assert "sentinel" not in f"{context} {context!r} {result} {result!r}"


@pytest.mark.parametrize("use", [lambda context: context.nonsense, lambda context: context["nonsense"]])
def test_a_name_that_it_has_not_is_missing(bench: Bench, use: Any) -> None:
    errors: list[Exception] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, context: Any) -> None:
        await ack()
        try:
            use(context)
        except (AttributeError, KeyError) as error:
            errors.append(error)

    bench.reply_to(command())
    assert "context has no nonsense" in str(errors[0])


def test_an_item_of_the_authors_own_may_have_any_name(bench: Bench) -> None:
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, context: Any) -> None:
        context["client"] = "my own"
        seen.extend([context["client"], context.client])
        await ack()

    bench.reply_to(command())
    assert seen == ["my own", "my own"]
