"""What Bolt has and this API has not, each with what to use instead.

A module that uses it is refused when it is loaded, instead of behaving differently later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_RUNS_ITSELF = "remove the line, because the server does that itself"
_RETIRED = "Slack has retired steps from apps; write a custom step, with app.function"
_SERVES = "remove the line, because `latchkey serve` runs the server"

ATTRIBUTES = {
    "start": _SERVES,
    "server": _SERVES,
    "web_app": _SERVES,
    "dispatch": _SERVES,
    "async_dispatch": _SERVES,
    "enable_token_revocation_listeners": _RUNS_ITSELF,
    "default_tokens_revoked_event_listener": _RUNS_ITSELF,
    "default_app_uninstalled_event_listener": _RUNS_ITSELF,
    "installation_store": "use the argument `installations`",
    "oauth_flow": "the install flow is set in config.toml, [install] and [slack]",
    "step": _RETIRED,
    "assistant": "",
    "listener_runner": "",
    "process_before_response": "",
    "name": "",
}
"""Public attributes of Bolt's App and AsyncApp, with what to do instead; empty: mount the module."""

ARGUMENTS = frozenset({"args", "step", "configure", "update", "listener_runner"})
"""Arguments that only a listener of a mounted app gets."""

RETIRED_TYPES = ("workflow_step_edit", "workflow_step_save", "workflow_step_execute")
"""Types of actions, forms and events that steps from apps have received."""


def needs_bolt(what: str, instead: str = "") -> str:
    """Return the message for something that only Bolt has."""
    if instead:
        return f"only Bolt has {what}: {instead}"
    return f"{what} needs Bolt: put this module under [bolt] modules in config.toml"


def check_type(demanded: object) -> None:
    """Raise ValueError if listeners of this type are for something that Slack has retired."""
    if demanded in RETIRED_TYPES:
        raise ValueError(needs_bolt(f"the type {demanded}", _RETIRED))


def check_functions(parameter: str, functions: Sequence[Callable[..., Any]]) -> None:
    """Raise TypeError unless all are functions; Bolt also takes objects of classes of its own."""
    for function in functions:
        if hasattr(function, "process") or hasattr(function, "async_process") or hasattr(function, "async_matches"):
            raise TypeError(needs_bolt(f"{type(function).__name__} in {parameter}"))
        if not callable(function):
            raise TypeError(f"{parameter} takes functions, not {type(function).__name__}")
