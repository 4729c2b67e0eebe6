"""Commands, actions, views and options: the replies Slack gets, in time and in case of failure."""

import asyncio
import json
import time
from typing import Any

import pytest
from slack_sdk.models.blocks import SectionBlock

from latchkey.errors import StoreUnavailable
from tests.dispatch.doubles import INSTALL_URL, Bench, action, command, event, interaction, submission


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


def test_events_run_every_matching_listener_and_commands_only_the_first(bench: Bench) -> None:
    ran: list[str] = []
    bench.app.event("app_mention")(lambda: ran.append("one"))
    bench.app.event("app_mention")(lambda: ran.append("two"))
    bench.app.command("/hi")(lambda ack: ran.append("first") or ack())
    bench.app.command("/hi")(lambda ack: ran.append("second") or ack())
    bench.send(event())
    bench.reply_to(command())
    assert sorted(ran) == ["first", "one", "two"]


FAILED = "Sorry, something went wrong. The app's operator can find the cause in the log under request-1."


@pytest.mark.parametrize(
    ("payload", "status", "body"),
    [
        (command(), 200, FAILED),
        (action(), 500, "the listener failed"),
        (submission(), 200, {"response_action": "errors", "errors": {"b-id": FAILED}}),
        (interaction("block_suggestion", action_id="a"), 200, {"options": []}),
        (
            interaction("dialog_submission", callback_id="old", submission={"name": "x"}),
            200,
            {"errors": [{"name": "name", "error": FAILED}]},
        ),
        (interaction("dialog_submission", callback_id="old"), 500, "the listener failed"),
    ],
)
def test_a_listener_that_raises_before_its_ack_shows_an_error_without_its_cause(
    bench: Bench, payload: Any, status: int, body: Any
) -> None:
    def fail() -> None:
        raise ValueError("sentinel")

    app = bench.app
    for register in (
        app.command("/hi"),
        app.action("a"),
        app.view("form"),
        app.options("a"),
        app.dialog_submission("old"),
    ):
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
    started = time.monotonic()
    reply = bench.reply_to(command())
    assert (reply.status, reply.body) == (200, b"")
    assert time.monotonic() - started < 2
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
