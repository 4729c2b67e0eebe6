"""An agent's arguments make the same calls of Slack's API as in Bolt, in sync and in async listeners."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt.context.set_status import SetStatus
from slack_bolt.context.set_suggested_prompts import SetSuggestedPrompts
from slack_bolt.context.set_title import SetTitle

from latchkey.dispatch.listeners.arguments.agent import AgentFunctions
from tests.dispatch.doubles import Bench, command, event
from tests.dispatch.listeners.bolt_side import RecordingClients, calls_here, calls_in_bolt

THREAD = {"user_id": "U1", "channel_id": "D1", "thread_ts": "1.1", "context": {"channel_id": "C9", "team_id": "T1"}}
STARTED = event("assistant_thread_started", channel=None, user=None, assistant_thread=THREAD)
CHANGED = event("assistant_thread_context_changed", channel=None, user=None, assistant_thread=THREAD)
IN_A_THREAD = event("message", channel="D1", channel_type="im", ts="1.5", thread_ts="1.1")
DIRECT = event("message", channel="D1", channel_type="im", ts="1.5")
MENTION = event("app_mention", ts="1.5")
HOME = event("app_home_opened", channel="D1", tab="messages")
OTHER_TAB = event("app_home_opened", channel="D1", tab="home")
REACTION = event("reaction_added", channel=None, item={"channel": "C1", "ts": "1.1"})

PAYLOADS = {
    "started": STARTED, "changed": CHANGED, "in a thread": IN_A_THREAD, "direct": DIRECT, "mention": MENTION,
    "home": HOME, "another tab": OTHER_TAB, "reaction": REACTION,
}  # fmt: skip


def set_status(set_status: Any) -> None:
    set_status("is thinking …", loading_messages=["a", "b"], icon_emoji=":robot:")


def set_title(set_title: Any) -> None:
    set_title("A title")


def set_suggested_prompts(set_suggested_prompts: Any) -> None:
    set_suggested_prompts(["a", {"title": "b", "message": "c"}], title="Try")


def say_stream(say_stream: Any) -> None:
    stream = say_stream(buffer_size=3)
    stream.append(markdown_text="some text")
    stream.stop(markdown_text="!")


def save_thread_context(save_thread_context: Any) -> None:
    save_thread_context({"channel_id": "C10"})


def by_context(context: Any) -> None:
    context.set_status("x")
    context["say_stream"]().stop(markdown_text="x")


def say_stream_elsewhere(say_stream: Any) -> None:
    say_stream(channel="C8", thread_ts="8.1", recipient_user_id="U8", username="x").stop(markdown_text="x")


LISTENERS = [
    set_status, set_title, set_suggested_prompts, say_stream, save_thread_context, by_context, say_stream_elsewhere,
]  # fmt: skip


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_same_calls_as_in_bolt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, listener: Callable[..., None]
) -> None:
    payload = PAYLOADS[name]

    def register(app: Any) -> None:
        app.event(payload.type)(listener)

    bolts = calls_in_bolt(monkeypatch, register, payload)
    if name in ("started", "changed"):  # Bolt finds no person in these events
        for method, arguments in bolts:
            if method == "chat.startStream":
                arguments.setdefault("recipient_user_id", "U1")
    assert calls_here(bench, register, payload) == bolts


@pytest.mark.parametrize("name", PAYLOADS)
def test_an_argument_is_none_where_bolts_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    payload = PAYLOADS[name]
    seen: list[Any] = []

    def register(app: Any) -> None:
        @app.event(payload.type)
        def listener(
            set_status: Any, set_title: Any, set_suggested_prompts: Any, say_stream: Any, context: Any
        ) -> None:
            found = set_status, set_title, set_suggested_prompts, say_stream, context.get_thread_context
            seen.append([one is None for one in found])

    calls_here(bench, register, payload)
    calls_in_bolt(monkeypatch, register, payload)
    assert seen[0] == seen[1]


ATTRIBUTES = {
    "say": ["channel", "thread_ts"],
    "set_status": ["channel_id", "thread_ts"],
    "set_title": ["channel_id", "thread_ts"],
    "set_suggested_prompts": ["channel_id", "thread_ts"],
    "say_stream": ["channel", "thread_ts", "recipient_team_id"],
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_functions_have_the_attributes_of_bolts_objects(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    payload = PAYLOADS[name]
    seen: list[Any] = []

    def register(app: Any) -> None:
        @app.event(payload.type)
        def listener(context: Any) -> None:
            seen.append(
                {
                    (function, attribute): getattr(getattr(context, function), attribute)
                    for function, attributes in ATTRIBUTES.items()
                    for attribute in attributes
                    if getattr(context, function) is not None
                }
            )
            assert context.set_status == context.set_status
            assert context.say.client.token == "xoxb-sentinel"

    calls_here(bench, register, payload)
    calls_in_bolt(monkeypatch, register, payload)
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_an_attribute_that_bolts_object_has_not_is_missing(bench: Bench) -> None:
    errors: list[AttributeError] = []

    async def listener(say_stream: Any) -> None:
        try:
            say_stream.nothing  # noqa: B018
        except AttributeError as error:
            errors.append(error)

    calls_here(bench, lambda app: app.event("app_mention")(listener), MENTION)
    assert "say_stream has no nothing, only channel, thread_ts" in str(errors[0])


@pytest.mark.parametrize("name", ["started", "in a thread"])
def test_the_context_of_a_thread_is_found_as_in_bolt(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    payload = PAYLOADS[name]
    seen: list[Any] = []

    def register(app: Any) -> None:
        @app.event(payload.type)
        def listener(context: Any) -> None:
            found = context.get_thread_context()
            seen.append((dict(found), found.channel_id, found.team_id))

    assert calls_here(bench, register, payload) == calls_in_bolt(monkeypatch, register, payload)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", ["started", "changed", "direct", "mention"])
def test_say_posts_as_in_bolt(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    payload = PAYLOADS[name]

    def register(app: Any) -> None:
        @app.event(payload.type)
        def listener(say: Any) -> None:
            say("hello")
            say({"text": "there"})
            say("x", channel="C7")

    ours, bolts = calls_here(bench, register, payload), calls_in_bolt(monkeypatch, register, payload)
    assert ours[:2] == bolts[:2]
    # Bolt posts to the other channel with the thread of this one, which Slack refuses.
    assert ours[2] == ("chat.postMessage", {"channel": "C7", "text": "x"})


def test_say_posts_in_the_thread_without_looking_for_its_context(bench: Bench) -> None:
    """Bolt looks for it with each message, although only the first one's is ever read."""
    calls = calls_here(bench, lambda app: app.event("message")(lambda say: say("x")), IN_A_THREAD)
    assert calls == [("chat.postMessage", {"channel": "D1", "thread_ts": "1.1", "text": "x"})]


def test_async_listeners_await_them(bench: Bench) -> None:
    seen: list[Any] = []

    def register(app: Any) -> None:
        @app.event("message")
        async def listener(
            set_status: Any, set_title: Any, set_suggested_prompts: Any, say_stream: Any, get_thread_context: Any,
            save_thread_context: Any,
        ) -> None:  # fmt: skip
            await set_status("x")
            await set_title("y")
            await set_suggested_prompts(["z"])
            seen.append(await get_thread_context())
            await save_thread_context({"channel_id": "C10"})
            stream = await say_stream()
            await stream.append(markdown_text="text")
            await stream.stop()

    calls = calls_here(bench, register, IN_A_THREAD)
    assert [method for method, _ in calls] == [
        "assistant.threads.setStatus", "assistant.threads.setTitle", "assistant.threads.setSuggestedPrompts",
        "conversations.replies", "conversations.replies", "chat.update", "chat.startStream", "chat.stopStream",
    ]  # fmt: skip
    assert seen[0].channel_id == "C9"
    assert calls[5][1]["metadata"] == {
        "event_type": "assistant_thread_context",
        "event_payload": {"channel_id": "C10"},
    }


def test_a_command_has_no_conversation_for_them(bench: Bench) -> None:
    seen: list[Any] = []
    bench.clients = RecordingClients()
    bench.app.command("/hi")(lambda ack, set_status, say_stream: (seen.extend([set_status, say_stream]), ack()))
    bench.reply_to(command())
    assert seen == [None, None]


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_sessions_status_is_that_of_the_thread(bench: Bench, name: str) -> None:
    seen: list[Any] = []

    def listener(set_session_status: Any, set_status: Any) -> None:
        seen.append((set_session_status is None, set_status is None))
        if set_session_status is not None:
            set_session_status("processing", title="A title", icon_emoji=":robot:")
            seen.append((set_session_status.channel_id, set_session_status.thread_ts))

    calls = calls_here(bench, lambda app: app.event(PAYLOADS[name].type)(listener), PAYLOADS[name])
    if name in ("home", "another tab", "reaction"):
        assert (seen, calls) == ([(True, True)], [])
        return
    thread_ts = "1.5" if name in ("direct", "mention") else "1.1"
    channel = PAYLOADS[name].channel_id
    fields = {"channel_id": channel, "thread_ts": thread_ts, "status": "processing", "title": "A title"}
    assert calls == [("agents.sessions.setStatus", {**fields, "icon_emoji": ":robot:"})]
    assert seen == [(False, False), (channel, thread_ts)]


@pytest.mark.parametrize(
    ("name", "bolts"),
    [("set_status", SetStatus), ("set_title", SetTitle), ("set_suggested_prompts", SetSuggestedPrompts)],
)
def test_their_parameters_are_bolts(name: str, bolts: Any) -> None:
    ours = [*inspect.signature(getattr(AgentFunctions, name)).parameters][1:]
    theirs = [*inspect.signature(bolts.__call__).parameters][1:]
    assert [one for one in ours if one != "more"] == [one for one in theirs if one != "kwargs"]
