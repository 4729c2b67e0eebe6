"""Describes the listeners of a Bolt app as native ones, for the manifest, the commands, the checks and the metrics.

Bolt keeps what a listener was registered for only in the closures of its matchers. What cannot be read there is
described as any payload, so that nothing is held back from a listener because of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from slack_bolt.middleware.assistant.assistant import Assistant
from slack_bolt.middleware.assistant.async_assistant import AsyncAssistant

from latchkey.bolt.naming import module_of, name_of
from latchkey.dispatch import Listener, MountedPlan
from latchkey.slackapi.requests import Kind


class Registration(NamedTuple):
    """What a listener was registered for. Without a kind, it cannot be seen."""

    kind: Kind | None = None
    constraint: Any = None
    keyword: Any = None


class Found(NamedTuple):
    """A listener of the app's."""

    registration: Registration
    function: Callable[..., Any]
    lazy: list[Callable[..., Any]]
    is_filtered: bool
    """Whether matchers or middleware of the author's may refuse what the registration allows."""


_CONTEXT_CHANGED_LISTENERS = "_thread_context_changed_listeners"
_CONTEXT_CHANGED = Registration(Kind.EVENT, "assistant_thread_context_changed")
_DIRECT_MESSAGE = Registration(Kind.EVENT, {"type": "message", "channel_type": "im"})
_ASSISTANT = {
    "_thread_started_listeners": Registration(Kind.EVENT, "assistant_thread_started"),
    _CONTEXT_CHANGED_LISTENERS: _CONTEXT_CHANGED,
    "_user_message_listeners": _DIRECT_MESSAGE,
    "_bot_message_listeners": _DIRECT_MESSAGE,
}
"""The lists of an Assistant's listeners, and what they are for."""


def listeners_of(app: Any) -> list[Found]:
    """Return the listeners of an App or an AsyncApp, and of its assistants, in Bolt's order."""
    middleware = getattr(app, "_async_middleware_list", None) or getattr(app, "_middleware_list", [])
    registered = getattr(app, "_async_listeners", None) or getattr(app, "_listeners", [])
    return [*_of_assistants(middleware), *map(_found, registered)]


def describe(found: list[Found]) -> list[Listener]:
    """Return a listener for each registration, and for each lazy function. They are never run."""
    described: list[Listener] = []
    for each in found:
        for function in (each.function, *each.lazy):
            kind, constraint, keyword = each.registration
            plan = MountedPlan(
                function,
                module=module_of(function),
                name=name_of(function),
                is_async=inspect.iscoroutinefunction(function),
            )
            listener = Listener(function, kind or Kind.EVENT, _never, keyword, constraint, plan=plan)
            listener.module = plan.module
            described.append(listener)
    return described


def _of_assistants(middleware: list[Any]) -> Iterator[Found]:
    for each in middleware:
        for name, registration in _ASSISTANT.items():
            for listener in getattr(each, name, None) or ():
                yield _found(listener)._replace(registration=registration)
        if isinstance(each, Assistant | AsyncAssistant) and not getattr(each, _CONTEXT_CHANGED_LISTENERS, None):
            # Bolt registers its own listener at the first request.
            yield Found(_CONTEXT_CHANGED, each.default_thread_context_changed, [], is_filtered=False)


def _found(listener: Any) -> Found:
    matchers = list(getattr(listener, "matchers", ()))
    registration = _registration(matchers[0]) if matchers else Registration()
    is_filtered = len(matchers) > 1 or bool(getattr(listener, "middleware", ()))
    return Found(registration, listener.ack_function, list(listener.lazy_functions), is_filtered)


def _registration(matcher: Any) -> Registration:
    """Return what Bolt's own matcher looks for; nothing if it is another one."""
    function = getattr(matcher, "func", None)
    if not inspect.isfunction(function) or function.__module__ != "slack_bolt.listener_matcher.builtins":
        return Registration()
    values = dict(inspect.getclosurevars(function).nonlocals)
    if inspect.isfunction(inner := values.get("func")):  # an AsyncApp wraps each matcher in a coroutine function
        function, values = inner, dict(inspect.getclosurevars(inner).nonlocals)
    read = _READERS.get(function.__qualname__.partition(".")[0])
    try:
        return read(values) if read else Registration()
    except LookupError:
        return Registration()


def _event(values: Mapping[str, Any]) -> Registration:
    return Registration(Kind.EVENT, values["event_type"] if "event_type" in values else values["constraints"])


def _message(values: Mapping[str, Any]) -> Registration:
    return Registration(Kind.EVENT, "message", values["keyword"])


def _function(values: Mapping[str, Any]) -> Registration:
    return Registration(Kind.EVENT, {"type": "function_executed", "callback_id": values["callback_id"]})


def _named(kind: Kind, name: str, type_: str = "") -> Callable[[Mapping[str, Any]], Registration]:
    """Return a reader for a matcher of one type that looks for one id."""

    def read(values: Mapping[str, Any]) -> Registration:
        value = values[name]
        if not type_:
            return Registration(kind, value)
        fields = (
            value if isinstance(value, Mapping) else {"callback_id" if name == "callback_id" else "action_id": value}
        )
        return Registration(kind, {"type": type_, **fields})

    return read


_READERS: dict[str, Callable[[Mapping[str, Any]], Registration]] = {
    "event": _event,
    "message_event": _message,
    "function_executed": _function,
    "command": _named(Kind.COMMAND, "command"),
    "shortcut": _named(Kind.SHORTCUT, "callback_id"),
    "global_shortcut": _named(Kind.SHORTCUT, "callback_id", "shortcut"),
    "message_shortcut": _named(Kind.SHORTCUT, "callback_id", "message_action"),
    "action": _named(Kind.ACTION, "constraints"),
    "block_action": _named(Kind.ACTION, "constraints", "block_actions"),
    "attachment_action": _named(Kind.ACTION, "callback_id", "interactive_message"),
    "dialog_submission": _named(Kind.ACTION, "callback_id", "dialog_submission"),
    "dialog_cancellation": _named(Kind.ACTION, "callback_id", "dialog_cancellation"),
    "view_submission": _named(Kind.VIEW, "callback_id", "view_submission"),
    "view_closed": _named(Kind.VIEW, "callback_id", "view_closed"),
    "options": _named(Kind.OPTIONS, "constraints"),
    "block_suggestion": _named(Kind.OPTIONS, "action_id", "block_suggestion"),
    "dialog_suggestion": _named(Kind.OPTIONS, "callback_id", "dialog_suggestion"),
}
"""By the name of the function in Bolt's module that makes the matcher."""


def _never(_: Any) -> bool:
    return False
