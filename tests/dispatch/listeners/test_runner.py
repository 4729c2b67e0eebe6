"""Running listeners: their arguments, and how failures are contained."""

import argparse
import asyncio
import functools
import logging
import sys
import threading
from typing import Any

import pytest

from latchkey.dispatch.listeners.arguments.context import Context
from tests.dispatch.doubles import Bench, action, command, event, interaction, submission


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


async def awaits_what_it_cancelled() -> None:
    waiting = asyncio.get_running_loop().create_future()
    waiting.cancel()
    await waiting


async def exits() -> None:
    sys.exit(2)


def exits_in_a_thread() -> None:
    argparse.ArgumentParser(exit_on_error=True, add_help=False).parse_args(["--unknown"])


@pytest.mark.parametrize(
    ("listener", "name"),
    [(awaits_what_it_cancelled, "CancelledError"), (exits, "SystemExit"), (exits_in_a_thread, "SystemExit")],
)
def test_a_listener_that_ends_early_ends_only_itself(
    bench: Bench, caplog: pytest.LogCaptureFixture, listener: Any, name: str
) -> None:
    ran: list[str] = []
    handled: list[str] = []
    bench.app.event("app_mention")(listener)
    bench.app.command("/hi")(listener)
    bench.app.event("message")(lambda: ran.append("next"))
    bench.app.error(lambda error: handled.append(str(error)))
    bench.send(event(), event("message", event_id="Ev2"))
    assert bench.reply_to(command()).status == 200
    assert ran == ["next"]
    assert handled == [f"the listener ended with {name}"] * 2
    assert f"{listener.__name__} raised {name} request_id=request-1" in caplog.text


@pytest.mark.parametrize("listener", [awaits_what_it_cancelled, exits, exits_in_a_thread])
def test_an_error_handler_that_ends_early_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture, listener: Any
) -> None:
    bench.app.error(listener)
    bench.app.event("app_mention")(lambda: 1 / 0)
    bench.send(event())
    assert "the error handler" in caplog.text


def test_an_async_listener_in_a_plain_decorator_is_awaited(bench: Bench) -> None:
    ran: list[str] = []

    def decorated(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            return function(*arguments, **named)

        return wrapper

    @bench.app.event("app_mention")
    @decorated
    async def listener(user_id: str) -> None:
        ran.append(user_id)

    bench.send(event())
    assert ran == ["U1"]


def test_a_coroutine_that_a_sync_listener_returns_is_an_error(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None: ...

    bench.app.event("app_mention")(lambda: work())
    bench.send(event())
    assert "is not async and returned a coroutine, which would never run" in caplog.text


def test_a_failing_error_handler_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    @bench.app.error
    async def handler(error: Exception) -> None:
        raise ZeroDivisionError

    bench.app.event("app_mention")(lambda: 1 / 0)
    bench.send(event())
    assert "the error handler" in caplog.text


def test_an_event_of_a_workspace_without_the_app_runs_no_listener(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ran: list[int] = []
    bench.app.event("app_mention")(lambda: ran.append(1))
    bench.send(event(team="T9"))
    assert not ran
    assert "there is no installation of '/T9' with a bot, or a token of U1" in caplog.text


@pytest.mark.parametrize(
    ("payload", "runs"),
    [
        (event("message", user="UBOT"), False),
        (event("message", user="U2", bot_id="B1"), False),
        (event("message", user="U2", bot_id="B2"), True),
        (event("message", user=None, message={"user": "UBOT", "edited": {"user": "UBOT"}}), False),
        (event("message", user=None, message={"user": "U2", "bot_id": "B1"}), False),
        (event("message", user=None, previous_message={"bot_id": "B1"}), False),
        (event("message", user=None, message={"user": "U2", "bot_id": "B2"}), True),
        (event("message", user=None, previous_message={"user": "U2"}), True),
        (event("link_shared", user="UBOT"), False),
        (event("reaction_added", user="UBOT", item_user="U2"), False),
        (event("reaction_added", user="U2", item_user="UBOT"), True),
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


@pytest.mark.parametrize("function", [lambda nonsense: None, lambda next: None, lambda event, *, nothing: None])
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
