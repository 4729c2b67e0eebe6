"""The arguments that a listener can name, and their values (mirrors `slack_bolt.kwargs_injection`).

Names and meanings are Bolt's. A function's signature is read once, at registration, and an unknown name is refused
there; each call then builds only the values that are named.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners import bolt_only
from latchkey.dispatch.listeners.arguments.agent import AGENT_ARGUMENTS
from latchkey.dispatch.listeners.arguments.context import CONTEXT_NAMES
from latchkey.dispatch.listeners.arguments.custom_step import STEP_ARGUMENTS
from latchkey.dispatch.listeners.matching import action_of, view_of
from latchkey.slackapi.requests import Kind, Payload

if TYPE_CHECKING:
    from latchkey.dispatch.listeners.arguments.blocking_call import BlockingCall
    from latchkey.dispatch.listeners.arguments.call import Call


def _from_context(name: str) -> Callable[[Call | BlockingCall], Any]:
    return lambda call: call.plain_context.get(name)


def _agents(name: str) -> Callable[[Call | BlockingCall], Any]:
    return lambda call: call.agent.function(name)


NEXT = frozenset({"next", "next_"})
PROVIDERS: dict[str, Callable[[Call | BlockingCall], Any]] = {
    **{name: _from_context(name) for name in sorted(CONTEXT_NAMES)},
    **{name: _agents(name) for name in sorted(AGENT_ARGUMENTS)},
    "body": lambda call: call.payload.body,
    "payload": lambda call: inner_payload(call.payload),
    "event": lambda call: call.payload.event or None,
    "message": lambda call: call.payload.event if call.payload.type == "message" else None,
    "command": lambda call: call.payload.body if call.payload.kind is Kind.COMMAND else None,
    "action": lambda call: inner_payload(call.payload) if call.payload.kind is Kind.ACTION else None,
    "shortcut": lambda call: call.payload.body if call.payload.kind is Kind.SHORTCUT else None,
    "view": lambda call: view_of(call.payload) or None,
    "options": lambda call: call.payload.body if call.payload.kind is Kind.OPTIONS else None,
    "context": lambda call: call.context,
    "client": lambda call: call.client,
    "user_client": lambda call: call.user_client,
    "client_for": lambda call: call.client_for,
    "ack": lambda call: call.ack,
    "say": lambda call: call.say,
    "respond": lambda call: call.respond,
    "complete": lambda call: call.complete,
    "fail": lambda call: call.fail,
    "refuse": lambda call: call.refuse,
    "logger": lambda call: call.logger,
    "authorize_result": lambda call: call.authorize_result,
    "installations": lambda call: call.installations,
    "error": lambda call: call.error,
    **dict.fromkeys(("request", "req"), lambda call: call.request),
    **dict.fromkeys(("response", "resp"), lambda call: call.response),
    **dict.fromkeys(NEXT, lambda call: call.next),
}
"""For each argument, a function that returns its value for a call."""
_WITH_EVENT = frozenset({Kind.EVENT, Kind.BEFORE_INSTALL, Kind.INSTALLED})
_CLIENTS = AGENT_ARGUMENTS | STEP_ARGUMENTS | {"client", "user_client", "client_for", "say", "respond"}
_WITH_CONTEXT = frozenset({"context", "request", "req"})
_OF_THE_PERSON = frozenset({"context", "request", "req", "user_client", "user_token", "authorize_result"})


class CallPlan:
    """The arguments of one function, resolved from its signature."""

    def __init__(self, function: Callable[..., Any], *, may_name_next: bool = False) -> None:
        """Middleware, and error handlers as in Bolt, may name `next`.

        Raises TypeError if the function names an argument that does not exist, or if calling it runs nothing.
        """
        self.function = function
        named = _named(function)
        self.module: str = named.__module__
        self.name = f"{self.module}.{named.__qualname__}"
        kinds = [inspect.unwrap(function), getattr(function, "__call__", None)]
        if any(inspect.isgeneratorfunction(kind) or inspect.isasyncgenfunction(kind) for kind in kinds):
            raise TypeError(f"{self.name} contains yield, so a call of it runs nothing")
        self.is_async = any(map(inspect.iscoroutinefunction, kinds))
        names = _names(function, self.name, PROVIDERS.keys() if may_name_next else PROVIDERS.keys() - NEXT)
        self.needs_user = not _OF_THE_PERSON.isdisjoint(names)
        """Whether the acting person's token must be looked up."""
        self.calls_slack = not _CLIENTS.isdisjoint(names) or (
            not _WITH_CONTEXT.isdisjoint(names) and _uses_any(function, _CLIENTS)
        )
        """Whether to load the client, which takes 0.3 s and 14 MB, before the function is first called.

        A function that passes its context to another one, which then makes a call, loads it when that happens.
        """
        self._providers = [(name, PROVIDERS[name]) for name in names]

    def arguments(self, call: Call | BlockingCall) -> dict[str, Any]:
        return {name: provide(call) for name, provide in self._providers}


def inner_payload(payload: Payload) -> dict[str, Any]:
    """Return Bolt's `payload`: the event, the action, the view, or the whole body of anything else."""
    if payload.kind in _WITH_EVENT:
        return payload.event
    if payload.kind is Kind.ACTION:
        return action_of(payload) or payload.body
    if payload.kind is Kind.VIEW:
        return view_of(payload)
    return payload.body


def _named(function: Any) -> Any:
    """Return what names a function also after a restart: a partial's function, an object's class."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if hasattr(function, "__qualname__") else type(function)


def _uses_any(function: Callable[..., Any], attributes: Collection[str]) -> bool:
    """Whether the code of a function uses an attribute with one of these names."""
    code = getattr(inspect.unwrap(_named(function)), "__code__", None)
    return code is None or not frozenset(code.co_names).isdisjoint(attributes)


def _names(function: Callable[..., Any], function_name: str, known: Collection[str]) -> list[str]:
    names = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if name in known and parameter.kind is not parameter.POSITIONAL_ONLY:
            names.append(name)
        elif parameter.default is not parameter.empty:
            continue
        elif name in bolt_only.ARGUMENTS:
            raise TypeError(f"{function_name}: " + bolt_only.needs_bolt(f"the argument {name!r}"))
        else:
            available = ", ".join(sorted(known))
            raise TypeError(f"{function_name}: unknown argument {name!r}; available: {available}")
    return names
