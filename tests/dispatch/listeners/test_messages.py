"""What `ack`, `say` and `respond` send: slack_sdk's objects, dicts and tuples, by name or in Bolt's order."""

import inspect
import json
from typing import Any

import pytest
from slack_bolt import Ack, Respond, Say
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Option, PlainTextObject, SectionBlock
from slack_sdk.models.metadata import Metadata
from slack_sdk.models.views import View

from latchkey.dispatch.listeners.arguments.message_fields import ACK, RESPOND, SAY
from latchkey.errors import ResponseUrlSpent
from tests.dispatch.doubles import Bench, command, event, submission

BLOCK = SectionBlock(text="x")
BLOCK_JSON = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
RESPONSE_URL = "https://hooks.slack.com/commands/1"

MESSAGES: list[tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    (("x",), {"blocks": [BLOCK]}, {"text": "x", "blocks": [BLOCK_JSON]}),
    (("x",), {"blocks": (BLOCK,)}, {"text": "x", "blocks": [BLOCK_JSON]}),
    (("x", [BLOCK]), {}, {"text": "x", "blocks": [BLOCK_JSON]}),
    (({"text": "x", "blocks": [BLOCK]},), {}, {"text": "x", "blocks": [BLOCK_JSON]}),
    (({"text": "x", "blocks": (BLOCK,)},), {"unfurl_links": False}, {"text": "x", "blocks": [BLOCK_JSON], "unfurl_links": False}),
    ((), {"text": "x", "blocks": None, "attachments": None}, {"text": "x"}),
    ((), {"blocks": [BLOCK_JSON]}, {"text": "", "blocks": [BLOCK_JSON]}),
    (
        ("x", None, [BlockAttachment(blocks=[BLOCK], fallback="f")]),
        {},
        {"text": "x", "attachments": [{"blocks": [BLOCK_JSON], "fallback": "f"}]},
    ),
]  # fmt: skip


def sent(bench: Bench, function: str, arguments: tuple[Any, ...], named: dict[str, Any], is_async: bool) -> Any:
    """Return the JSON that a listener's call of `ack`, `say` or `respond` sends."""

    async def listener(ack: Any, say: Any, respond: Any) -> None:
        await {"ack": ack, "say": say, "respond": respond}[function](*arguments, **named)

    def blocking(ack: Any, say: Any, respond: Any) -> None:
        {"ack": ack, "say": say, "respond": respond}[function](*arguments, **named)

    bench.app.command("/hi")(listener if is_async else blocking)
    reply = bench.reply_to(command())
    if function == "ack":
        return json.loads(reply.body) if "json" in reply.content_type else {"text": reply.body.decode()}
    message = bench.clients.calls[-1][1]
    return {name: value for name, value in message.items() if name != "channel"}


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(("arguments", "named", "expected"), MESSAGES)
@pytest.mark.parametrize("function", ["ack", "respond"])
def test_slack_sdks_objects_are_sent_as_json(
    bench: Bench, function: str, arguments: tuple[Any, ...], named: dict[str, Any], expected: Any, is_async: bool
) -> None:
    assert sent(bench, function, arguments, named, is_async) == expected


def test_responds_with_metadata(bench: Bench) -> None:
    metadata = Metadata(event_type="e", event_payload={"a": 1})
    message = sent(bench, "respond", ("x",), {"metadata": metadata, "thread_ts": "1.1", "replace_original": True}, True)
    assert message == {
        "text": "x",
        "metadata": {"event_type": "e", "event_payload": {"a": 1}},
        "thread_ts": "1.1",
        "replace_original": True,
    }


def test_acknowledges_a_form_with_a_view_and_a_select_with_options(bench: Bench) -> None:
    view = View(type="modal", title=PlainTextObject(text="t"), blocks=(BLOCK,))
    bench.app.view("form")(lambda ack: ack(response_action="update", view=view))
    document = json.loads(bench.reply_to(submission()).body)
    assert document["response_action"] == "update"
    assert document["view"]["blocks"] == [BLOCK_JSON]
    options = (Option(text="o", value="1"),)
    assert "text" not in sent(bench, "ack", (), {"options": options}, True)


@pytest.mark.parametrize(
    ("names", "bolts"),
    [(ACK, Ack.__call__), (RESPOND, Respond.__call__), (SAY, Say.__call__)],
    ids=["ack", "respond", "say"],
)
def test_arguments_by_position_are_in_bolts_order(names: tuple[str, ...], bolts: Any) -> None:
    parameters = [
        name
        for name, parameter in inspect.signature(bolts).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    assert ["text", *parameters[2:]] == list(names)


def test_say_takes_blocks_by_position_and_other_arguments_of_chat_postmessage(bench: Bench) -> None:
    @bench.app.event("app_mention")
    async def listener(say: Any) -> None:
        await say("x", [BLOCK_JSON], username="Clerk", new_in_2027=True)
        await say({"text": "y"}, channel="C9")

    bench.send(event())
    assert [message for _, message in bench.clients.calls] == [
        {"text": "x", "blocks": [BLOCK_JSON], "channel": "C1", "username": "Clerk", "new_in_2027": True},
        {"text": "y", "channel": "C9"},
    ]


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((7,), {}, "takes text or a dict, not int"),
        (("x",), {"nonsense": 1}, "does not take nonsense"),
        (("x",), {"text": "y"}, "got text both by position and by name"),
        (("x",) * 20, {}, "takes at most"),
        (("x",), {"blocks": [object()]}, "cannot send a object to Slack"),
    ],
)
@pytest.mark.parametrize("function", ["ack", "respond"])
def test_invalid_arguments_are_refused_and_named(
    bench: Bench, function: str, arguments: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    errors: list[Exception] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, respond: Any) -> None:
        try:
            await {"ack": ack, "respond": respond}[function](*arguments, **named)
        except TypeError as error:
            errors.append(error)

    bench.reply_to(command())
    assert message in str(errors[0])
    assert "object" in message or f"{function}()" in str(errors[0])


def test_a_message_that_cannot_be_encoded_uses_none_of_the_five_responses(bench: Bench) -> None:
    outcomes: list[str] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, respond: Any) -> None:
        await ack()
        for number in range(12):
            try:
                await respond(str(number), blocks=[object() if number % 2 else BLOCK])
                outcomes.append("sent")
            except (TypeError, ResponseUrlSpent) as error:
                outcomes.append(type(error).__name__)

    bench.reply_to(command())
    assert outcomes == ["sent", "TypeError"] * 5 + ["ResponseUrlSpent", "TypeError"]
    assert [message["text"] for _, message in bench.clients.calls] == ["0", "2", "4", "6", "8"]
