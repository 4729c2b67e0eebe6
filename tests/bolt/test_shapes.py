"""How Slack's templates use Bolt, one shape each: what a listener of that shape does, mounted and natively."""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

import pytest
from slack_bolt import App, Assistant
from slack_bolt.async_app import AsyncApp, AsyncAssistant

from latchkey.handlers import Services
from latchkey.simulator import AppResponse, Slack
from tests.bolt.flavours import both_flavours, new_app
from tests.support.counts import count
from tests.support.waiting import until

Send = Callable[[Slack], Awaitable[AppResponse]]


def event(**fields: object) -> Send:
    placed = {"user": "U0ALICE", "channel": "C0GENERAL", "ts": "2.1", **fields}
    return lambda slack: slack.sender.event(slack.workspace(), placed)


def click(action_id: str) -> Send:
    return lambda slack: slack.sender.block_action(slack.workspace(), {"action_id": action_id, "value": "v"})


def agent(app: App) -> None:
    def mentioned(client: Any, context: Any, event: Any, set_status: Any, say_stream: Any) -> None:
        client.reactions_add(channel=context.channel_id, timestamp=event["ts"], name="eyes")
        set_status(status="Thinking…", loading_messages=["Reading…", "Writing…"])
        stream = say_stream()
        stream.append(markdown_text="an answer")
        stream.stop(blocks=[{"type": "divider"}])

    app.event("app_mention")(mentioned)


def home(app: App) -> None:
    def opened(client: Any, event: Any, context: Any) -> None:
        if event["tab"] == "messages":
            prompts = [{"title": "Help", "message": "help"}]
            client.assistant_threads_setSuggestedPrompts(channel_id=event["channel"], prompts=prompts)
        else:
            client.views_publish(user_id=context.user_id, view={"type": "home", "blocks": []})

    app.event("app_home_opened")(opened)


def feedback(app: App) -> None:
    def given(ack: Any, body: Any, client: Any, context: Any) -> None:
        ack()
        thanked = {"channel": context.channel_id, "user": context.user_id, "text": body["actions"][0]["value"]}
        client.chat_postEphemeral(**thanked)

    app.action("feedback")(given)


def lambdas(app: App) -> None:
    app.action("connect")(lambda ack: ack())


def wrapped(app: App) -> None:
    def measured(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(*arguments: Any, **named: Any) -> None:
            function(*arguments, **named)

        return run

    @app.event("app_mention")
    @measured
    def mentioned(say: Any) -> None:
        say("Hi")


def matched(app: App) -> None:
    def is_in_a_thread(body: Any) -> bool:
        return "thread_ts" in body["event"]

    app.event("message", matchers=[is_in_a_thread])(lambda say: say(text="In a thread"))


SHAPES: dict[str, tuple[Callable[[App], None], Send, list[str]]] = {
    "agent": (
        agent,
        event(type="app_mention", text="hi"),
        ["reactions.add", "assistant.threads.setStatus", "chat.startStream", "chat.stopStream"],
    ),
    "home tab": (home, event(type="app_home_opened", tab="home"), ["views.publish"]),
    "messages tab": (
        home,
        event(type="app_home_opened", tab="messages", channel="D0ALICE"),
        ["assistant.threads.setSuggestedPrompts"],
    ),
    "feedback": (feedback, click("feedback"), ["chat.postEphemeral"]),
    "lambda": (lambdas, click("connect"), []),
    "wrapper": (wrapped, event(type="app_mention", text="hi"), ["chat.postMessage"]),
    "matcher": (matched, event(type="message", text="hi", thread_ts="1.1"), ["chat.postMessage"]),
    "matcher that declines": (matched, event(type="message", text="hi"), []),
}


@pytest.mark.gen_test
@pytest.mark.parametrize("is_native", [False, True], ids=["mounted", "native"])
@pytest.mark.parametrize(("register", "send", "methods"), SHAPES.values(), ids=SHAPES.keys())
async def test_a_listener_calls_slack_as_with_bolt(
    installed: Slack,
    mount: Callable[[Any], Any],
    services: Services,
    listeners: Any,
    register: Callable[[App], None],
    send: Send,
    methods: Iterable[str],
    is_native: bool,
) -> None:
    app = listeners if is_native else new_app(is_async=False)
    register(app)
    if not is_native:
        mount(app)
    before = len(installed.world.calls)
    assert (await send(installed)).status == 200

    def calls() -> list[str]:
        return [call.method for call in installed.world.calls[before:] if call.response["ok"]]

    await until(lambda: calls() == methods)
    await until(lambda: count(services.metrics, "events_received") == count(services.metrics, "events_finished"))
    assert calls() == methods


def assistant_app(*, is_async: bool) -> Any:
    """Return an app that answers with the channel that the person looks at."""
    if is_async:
        app: Any = AsyncApp(signing_secret="s", token="xoxb-own")
        helper: Any = AsyncAssistant()

        @helper.thread_started
        async def greet_async(say: Any, set_suggested_prompts: Any) -> None:
            await say("How can I help?")
            await set_suggested_prompts(prompts=[{"title": "Sum up", "message": "sum up"}], title="Try:")

        @helper.user_message
        async def answer_async(set_status: Any, set_title: Any, get_thread_context: Any, say: Any) -> None:
            await set_title("A question")
            await set_status("is looking…")
            await say(f"You look at {(await get_thread_context()).channel_id}")

    else:
        app = new_app(is_async=False)
        helper = Assistant()

        @helper.thread_started
        def greet(say: Any, set_suggested_prompts: Any) -> None:
            say("How can I help?")
            set_suggested_prompts(prompts=[{"title": "Sum up", "message": "sum up"}], title="Try:")

        @helper.user_message
        def answer(set_status: Any, set_title: Any, get_thread_context: Any, say: Any) -> None:
            set_title("A question")
            set_status("is looking…")
            say(f"You look at {get_thread_context().channel_id}")

    app.assistant(helper)
    return app


@pytest.mark.gen_test
@both_flavours
async def test_an_assistant_knows_the_channel_that_the_person_has_changed_to(
    installed: Slack, mount: Callable[[Any], Any], services: Services, is_async: bool
) -> None:
    mount(assistant_app(is_async=is_async))
    root = await installed.people.start_thread(installed.workspace())
    thread = {"user_id": "U0ALICE", "channel_id": root.channel, "thread_ts": root.ts}

    async def answers(sent: dict[str, Any]) -> list[str]:
        finished = count(services.metrics, "events_finished")
        assert (await event(channel=root.channel, **sent)(installed)).status == 200
        await until(lambda: count(services.metrics, "events_finished") > finished)
        return [message.text for message in installed.world.messages[1:]]

    await until(lambda: count(services.metrics, "events_finished") == 1)
    changed = {**thread, "context": {"channel_id": "C0RANDOM", "team_id": "T0ACME"}}
    await answers({"type": "assistant_thread_context_changed", "assistant_thread": changed})
    direct = {"type": "message", "channel_type": "im", "text": "hi", "thread_ts": root.ts}
    assert await answers(direct) == ["How can I help?", "You look at C0RANDOM"]
    methods = {call.method for call in installed.world.calls if call.response["ok"]}
    assert methods >= {
        f"assistant.threads.{name}" for name in ("setStatus", "setTitle", "setSuggestedPrompts")
    }  # fmt: skip
