"""A mounted app's listeners are described as native ones; events that nothing in it is for are not stored."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import App, Assistant
from slack_bolt.async_app import AsyncApp, AsyncAssistant

from latchkey.bolt import BoltApp
from latchkey.dispatch import App as NativeApp
from latchkey.dispatch import requirements_of
from latchkey.slackapi.requests import Kind, Payload

PATTERN = re.compile("x")
REGISTRATIONS: dict[str, tuple[Callable[[Any], Any], tuple[Kind, Any, Any]]] = {
    "event": (lambda app: app.event("app_mention"), (Kind.EVENT, "app_mention", None)),
    "pattern": (lambda app: app.event(PATTERN), (Kind.EVENT, PATTERN, None)),
    "subtype": (
        lambda app: app.event({"type": "message", "subtype": None}),
        (Kind.EVENT, {"type": "message", "subtype": None}, None),
    ),
    "message": (lambda app: app.message("hi"), (Kind.EVENT, "message", "hi")),
    "function": (
        lambda app: app.function("f", auto_acknowledge=False),
        (Kind.EVENT, {"type": "function_executed", "callback_id": "f"}, None),
    ),
    "command": (lambda app: app.command("/hi"), (Kind.COMMAND, "/hi", None)),
    "shortcut": (lambda app: app.shortcut("s"), (Kind.SHORTCUT, "s", None)),
    "message shortcut": (
        lambda app: app.message_shortcut("s"),
        (Kind.SHORTCUT, {"type": "message_action", "callback_id": "s"}, None),
    ),
    "action": (lambda app: app.action("a"), (Kind.ACTION, "a", None)),
    "block action": (
        lambda app: app.action({"block_id": "b", "action_id": "a"}),
        (Kind.ACTION, {"type": "block_actions", "block_id": "b", "action_id": "a"}, None),
    ),
    "attachment": (
        lambda app: app.attachment_action("c"),
        (Kind.ACTION, {"type": "interactive_message", "callback_id": "c"}, None),
    ),
    "view": (lambda app: app.view("v"), (Kind.VIEW, {"type": "view_submission", "callback_id": "v"}, None)),
    "closed": (lambda app: app.view_closed("v"), (Kind.VIEW, {"type": "view_closed", "callback_id": "v"}, None)),
    "options": (lambda app: app.options("o"), (Kind.OPTIONS, "o", None)),
    "suggestion": (
        lambda app: app.block_suggestion("o"),
        (Kind.OPTIONS, {"type": "block_suggestion", "action_id": "o"}, None),
    ),
}


def new_app(is_async: bool) -> Any:
    options: dict[str, Any] = {"token": "xoxb-1", "signing_secret": "s"}
    return AsyncApp(**options) if is_async else App(**options, token_verification_enabled=False)


async def run_async() -> None: ...


def run() -> None: ...


@pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])
@pytest.mark.parametrize(("register", "expected"), REGISTRATIONS.values(), ids=REGISTRATIONS.keys())
def test_a_listener_is_described_as_it_was_registered(
    register: Callable[[Any], Any], expected: tuple[Kind, Any, Any], is_async: bool
) -> None:
    app = new_app(is_async)
    register(app)(run_async if is_async else run)
    [listener] = BoltApp("m:app", app).listeners
    assert (listener.kind, listener.constraint, listener.keyword) == expected
    assert listener.name == f"{__name__}.run{'_async' if is_async else ''}"


def event(event_type: str) -> Payload:
    payload = Payload.unauthenticated(Kind.EVENT)
    payload.type = event_type
    return payload


@pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])
def test_only_events_that_a_listener_may_be_for_are_accepted(is_async: bool) -> None:
    app = new_app(is_async)
    app.event("app_mention")(run_async if is_async else run)
    app.message("hi")(run_async if is_async else run)
    mounted = BoltApp("m:app", app)
    assert [mounted.accepts(event(name)) for name in ("app_mention", "message", "team_join")] == [True, True, False]


@pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])
def test_every_event_is_accepted_if_middleware_or_a_pattern_may_be_for_it(is_async: bool) -> None:
    with_middleware, with_pattern = new_app(is_async), new_app(is_async)
    with_middleware.use(run_async if is_async else run)
    with_pattern.event(PATTERN)(run_async if is_async else run)
    assert BoltApp("m:app", with_middleware).accepts(event("team_join"))
    assert BoltApp("m:app", with_pattern).accepts(event("team_join"))


@pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])
def test_an_assistants_events_are_described_and_accepted(is_async: bool) -> None:
    app = new_app(is_async)
    assistant: Any = AsyncAssistant() if is_async else Assistant()
    assistant.thread_started(run_async if is_async else run)
    assistant.user_message(run_async if is_async else run)
    app.assistant(assistant)
    mounted = BoltApp("m:app", app)
    assert [listener.constraint for listener in mounted.listeners] == [
        "assistant_thread_started",
        {"type": "message", "channel_type": "im"},
        "assistant_thread_context_changed",  # Bolt's own listener keeps the context of the thread
    ]
    accepted = ("assistant_thread_started", "assistant_thread_context_changed", "message")
    assert all(mounted.accepts(event(name)) for name in accepted)
    assert not mounted.accepts(event("team_join"))


def test_the_manifest_subscribes_an_assistant_to_direct_messages_and_changed_contexts() -> None:
    app = new_app(is_async=False)
    assistant = Assistant()
    assistant.user_message(run)
    app.assistant(assistant)
    native = NativeApp()
    native.mount(BoltApp("m:app", app))
    assert requirements_of(native).events == ["message.im", "assistant_thread_context_changed"]


def test_the_manifest_lists_what_a_mounted_app_needs() -> None:
    app = new_app(is_async=False)
    for register in (app.event("app_mention"), app.command("/hi"), app.global_shortcut("s")):
        register(run)
    native = NativeApp()
    native.mount(BoltApp("m:app", app))
    needed = requirements_of(native)
    assert needed.events == ["app_mention"]
    assert [command.name for command in needed.commands] == ["/hi"]
    assert [shortcut.callback_id for shortcut in needed.shortcuts] == ["s"]
    assert needed.interactivity


def test_the_manifest_lists_a_mounted_apps_functions() -> None:
    app = new_app(is_async=False)
    app.function("sample_step")(run)
    app.function(re.compile("other"))(run)
    native = NativeApp()
    native.mount(BoltApp("m:app", app))
    needed = requirements_of(native)
    assert [function.callback_id for function in needed.functions] == ["sample_step"]
    assert set(needed.events) == {"function_executed"}
    assert any("add the functions that it handles by hand" in note for note in needed.notes)
