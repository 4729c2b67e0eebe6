"""Running listeners: their arguments, the replies Slack gets, and how failures are contained."""

import asyncio
import json
import logging
import threading
import time
from typing import Any

import pytest
from slack_sdk.models.blocks import SectionBlock

from latchkey.dispatch.listeners.context import Context
from latchkey.errors import StoreUnavailable
from tests.dispatch.doubles import INSTALL_URL, Bench, action, command, event, interaction, submission


def test_an_async_listener_gets_the_arguments_it_names(bench: Bench) -> None:
    given: dict[str, Any] = {}

    @bench.app.event("app_mention")
    async def listener(event, message, body, payload, context, client, command, logger, ack, team_id, user_id) -> None:  # type: ignore[no-untyped-def]
        given.update(locals())
        await ack()

    bench.send(event())
    assert given["event"] is given["payload"] is given["body"]["event"]
    assert given["message"] is None
    assert given["command"] is None
    assert given["client"].token == "xoxb-sentinel"
    assert (given["team_id"], given["user_id"]) == ("T1", "U1")
    assert given["context"].channel_id == "C1"
    assert given["context"]["request_id"] == "request-1"
    assert given["context"].attempt == 1
    assert given["logger"].name == "latchkey.listeners"


def test_each_kind_has_its_own_payload(bench: Bench) -> None:
    seen: list[Any] = []
    bench.app.command("/hi")(lambda command, payload, ack: seen.append(command["text"]) or ack())
    bench.app.action("a")(lambda action, payload, ack: seen.append((action["value"], payload is action)) or ack())
    bench.app.view("form")(lambda view, ack: seen.append(view["callback_id"]) or ack())
    bench.app.shortcut("s")(lambda shortcut, ack: seen.append(shortcut["callback_id"]) or ack())
    bench.app.options("o")(lambda options, ack: seen.append(options["action_id"]) or ack(options=[]))
    for payload in (
        command(), action(), submission(), interaction("shortcut", callback_id="s"),
        interaction("block_suggestion", action_id="o"),
    ):  # fmt: skip
        assert bench.reply_to(payload).status == 200
    assert seen == ["you", ("v", True), "form", "s", "o"]


def test_the_groups_of_a_message_pattern_are_in_the_context(bench: Bench) -> None:
    seen: list[Any] = []
    bench.app.message("he(l+)o (th)")(lambda context: seen.append(context["matches"]))
    bench.app.message("hello")(lambda matches: seen.append(matches))
    bench.send(event("message"))
    assert sorted(seen) == [("hello",), ("ll", "th")]


@pytest.mark.parametrize(
    ("arguments", "fields", "content_type", "body"),
    [
        ((), {}, "text/plain", ""),
        (("hi",), {}, "text/plain", "hi"),
        (("hi",), {"response_type": "in_channel"}, "application/json", {"text": "hi", "response_type": "in_channel"}),
        (({"text": "x", "response_type": "ephemeral"},), {}, "application/json", {"text": "x", "response_type": "ephemeral"}),
        ((), {"options": [{"value": "1"}]}, "application/json", {"options": [{"value": "1"}]}),
        ((), {"response_action": "errors", "errors": {"b": "no"}}, "application/json", {"response_action": "errors", "errors": {"b": "no"}}),
        ((), {"response_action": "clear"}, "application/json", {"response_action": "clear"}),
        (("t",), {"blocks": [SectionBlock(text="x")]}, "application/json",
         {"text": "t", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]}),
    ],
)  # fmt: skip
def test_ack_becomes_the_reply(bench: Bench, arguments: Any, fields: Any, content_type: str, body: Any) -> None:
    @bench.app.command("/hi")
    async def listener(ack: Any) -> None:
        await ack(*arguments, **fields)

    reply = bench.reply_to(command())
    assert reply.content_type.startswith(content_type)
    assert (json.loads(reply.body) if "json" in content_type else reply.body.decode()) == body


def test_a_listener_keeps_running_after_its_ack(bench: Bench) -> None:
    done: list[int] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, respond: Any) -> None:
        await ack("at once")
        await asyncio.sleep(0.05)
        await respond("later", response_type="in_channel")
        done.append(1)

    assert bench.reply_to(command()).body == b"at once"
    assert done
    assert bench.clients.calls == [
        ("https://hooks.slack.com/commands/1", {"text": "later", "response_type": "in_channel"})
    ]


def test_only_the_first_ack_counts(bench: Bench) -> None:
    @bench.app.command("/hi")
    async def listener(ack: Any) -> None:
        await ack("one")
        await ack("two")

    assert bench.reply_to(command()).body == b"one"


def test_a_sync_listener_runs_in_a_thread_with_blocking_arguments(bench: Bench) -> None:
    seen: dict[str, Any] = {}

    @bench.app.command("/hi")
    def listener(ack: Any, say: Any, respond: Any, client: Any) -> None:
        seen["thread"] = threading.current_thread()
        ack("done")
        say("said")
        respond("responded")
        seen["answer"] = client.auth_test()

    assert bench.reply_to(command()).body == b"done"
    assert seen["thread"] is not threading.main_thread()
    assert seen["answer"]["ok"]
    assert [name for name, _ in bench.clients.calls] == [
        "chat.postMessage", "https://hooks.slack.com/commands/1", "auth.test",
    ]  # fmt: skip


def test_events_run_every_matching_listener_and_commands_only_the_first(bench: Bench) -> None:
    ran: list[str] = []
    bench.app.event("app_mention")(lambda: ran.append("one"))
    bench.app.event("app_mention")(lambda: ran.append("two"))
    bench.app.command("/hi")(lambda ack: ran.append("first") or ack())
    bench.app.command("/hi")(lambda ack: ran.append("second") or ack())
    bench.send(event())
    bench.reply_to(command())
    assert sorted(ran) == ["first", "one", "two"]


def test_one_listeners_exception_does_not_affect_another(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []
    handled: list[Any] = []

    @bench.app.event("app_mention")
    async def failing() -> None:
        raise KeyError("x")

    bench.app.event("app_mention")(lambda: ran.append("other"))
    bench.app.error(lambda error, body, context: handled.append((type(error), context["request_id"])))
    bench.send(event())
    assert ran == ["other"]
    assert handled == [(KeyError, "request-1")]
    assert "failing raised KeyError request_id=request-1" in caplog.text


def test_a_failing_error_handler_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    @bench.app.error
    async def handler(error: Exception) -> None:
        raise ZeroDivisionError

    bench.app.event("app_mention")(lambda: 1 / 0)
    bench.send(event())
    assert "the error handler" in caplog.text


FAILED = "Sorry, something went wrong. The app's operator can find the cause in the log under request-1."


@pytest.mark.parametrize(
    ("payload", "status", "body"),
    [
        (command(), 200, FAILED),
        (action(), 500, "the listener failed"),
        (submission(), 200, {"response_action": "errors", "errors": {"b-id": FAILED}}),
        (interaction("block_suggestion", action_id="a"), 200, {"options": []}),
    ],
)
def test_a_listener_that_raises_before_its_ack_shows_an_error_without_its_cause(
    bench: Bench, payload: Any, status: int, body: Any
) -> None:
    def fail() -> None:
        raise ValueError("sentinel")

    for register in (bench.app.command("/hi"), bench.app.action("a"), bench.app.view("form"), bench.app.options("a")):
        register(fail)
    reply = bench.reply_to(payload)
    assert reply.status == status
    assert (json.loads(reply.body) if isinstance(body, dict) else reply.body.decode()) == body


def test_a_listener_that_acks_too_late_is_replied_for_and_keeps_running(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []

    async def slow(ack: Any) -> None:
        await asyncio.sleep(0.35)
        await ack("too late")
        done.append(1)

    bench.app.command("/hi")(slow)
    bench.app.view("form")(slow)
    begun = time.monotonic()
    reply = bench.reply_to(command())
    assert (reply.status, reply.body) == (200, b"")
    assert time.monotonic() - begun < 2
    assert done == [1]
    assert "slow did not call ack() within" in caplog.text
    late = json.loads(bench.reply_to(submission()).body)
    assert late["errors"] == {"b-id": "The app is slow to respond right now. Please try again."}


def test_a_listener_that_ends_without_ack_is_replied_for_at_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.ack_timeout = 30
    bench.app.command("/hi")(lambda: None)
    assert (bench.reply_to(command()).status, bench.reply_to(command()).body) == (200, b"")
    assert "ended without calling ack()" in caplog.text


def test_a_request_without_a_listener_gets_404(bench: Bench) -> None:
    assert bench.reply_to(command()).status == 404


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (command(team_id="T9"), f"Please install this app first! {INSTALL_URL}"),
        (interaction("block_suggestion", action_id="a", team={"id": "T9"}), {"options": []}),
        (submission(team={"id": "T9"}), {"response_action": "errors", "errors": {"b-id": f"Please install this app first! {INSTALL_URL}"}}),
        (action(team={"id": "T9"}), ""),
    ],
)  # fmt: skip
def test_a_workspace_without_the_app_is_asked_to_install_it(bench: Bench, payload: Any, body: Any) -> None:
    ran: list[int] = []
    for register in (bench.app.command("/hi"), bench.app.action("a"), bench.app.view("form"), bench.app.options("a")):
        register(lambda ack: ran.append(1))
    reply = bench.reply_to(payload)
    assert reply.status == 200
    assert (json.loads(reply.body) if isinstance(body, dict) else reply.body.decode()) == body
    assert not ran


def test_an_event_of_a_workspace_without_the_app_runs_no_listener(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ran: list[int] = []
    bench.app.event("app_mention")(lambda: ran.append(1))
    bench.send(event(team="T9"))
    assert not ran
    assert "has not installed the app" in caplog.text


def test_a_store_that_does_not_respond_is_reported_to_the_caller(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.installations.cached = False
    bench.installations.error = StoreUnavailable("locked", "the store is locked")
    bench.app.command("/hi")(lambda ack: ack())
    bench.app.event("app_mention")(lambda: None)
    with pytest.raises(StoreUnavailable):
        bench.reply_to(command())
    bench.send(event())
    assert "cannot run an event: the store is locked" in caplog.text
    bench.installations.error = None


@pytest.mark.parametrize(
    ("payload", "runs"),
    [
        (event("message", user="UBOT"), False),
        (event("message", user="U2", bot_id="B1"), False),
        (event("message", user="U2", bot_id="B2"), True),
        (event("member_joined_channel", user="UBOT"), True),
        (event("member_left_channel", user="UBOT"), True),
    ],
)
@pytest.mark.parametrize("cached", [True, False])
def test_the_apps_own_events_are_ignored_except_joining_and_leaving_a_channel(
    bench: Bench, payload: Any, runs: bool, cached: bool
) -> None:
    ran: list[int] = []
    bench.installations.cached = cached
    bench.app.event({"type": payload.type})(lambda: ran.append(1))
    bench.send(payload)
    assert bool(ran) is runs


def test_say_posts_to_the_payloads_channel_or_the_named_one(bench: Bench) -> None:
    @bench.app.event("app_mention")
    async def listener(say: Any) -> None:
        await say("here", thread_ts="1.2")
        await say({"text": "there", "channel": "C9"})
        await say("elsewhere", channel="C8")

    bench.send(event())
    assert [call for _, call in bench.clients.calls] == [
        {"text": "here", "channel": "C1", "thread_ts": "1.2"},
        {"text": "there", "channel": "C9"},
        {"text": "elsewhere", "channel": "C8"},
    ]


def test_the_client_of_an_org_wide_installation_knows_the_team(bench: Bench) -> None:
    bench.app.command("/hi")(lambda ack, client: ack())
    bench.reply_to(command(enterprise_id="E1", is_enterprise_install="true"))
    assert bench.clients.made[-1].team_id == "T1"


def test_no_client_is_made_unless_a_listener_names_it(bench: Bench) -> None:
    bench.app.event("app_mention")(lambda event: None)
    bench.send(event())
    assert not bench.clients.made


@pytest.mark.parametrize("function", [lambda nonsense: None, lambda next: None, lambda event, *, req: None])
def test_rejects_an_unknown_argument_at_registration(bench: Bench, function: Any) -> None:
    with pytest.raises(TypeError, match="unknown argument .*; available: ack, "):
        bench.app.event("x")(function)


def test_does_not_fill_parameters_with_defaults_or_collected_ones(bench: Bench) -> None:
    seen: list[Any] = []
    bench.app.event("app_mention")(lambda event, mine=7, *rest, **more: seen.append((mine, rest, more)))
    bench.send(event())
    assert seen == [(7, (), {})]


def test_a_printed_context_does_not_show_the_token(bench: Bench) -> None:
    seen: list[Context] = []
    bench.app.event("app_mention")(lambda context: seen.append(context))
    bench.send(event())
    assert seen[0].bot_token == "xoxb-sentinel"
    assert "sentinel" not in f"{seen[0]} {seen[0]!r}"
    with pytest.raises(AttributeError):
        _ = seen[0].nonsense
    seen[0]["mine"] = 1
    assert seen[0].mine == 1
