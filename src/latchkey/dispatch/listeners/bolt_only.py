"""What Bolt has and this API has not, each with what to use instead.

A module that uses it is refused when it is loaded, instead of behaving differently later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_RUNS_ITSELF = "remove the line, because the server does that itself"
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
    "step": "",
    "assistant": "",
    "listener_runner": "",
    "process_before_response": "",
    "name": "",
}
"""Public attributes of Bolt's App and AsyncApp, with what to do instead; empty: mount the module."""

ARGUMENTS = frozenset({"args", "step", "configure", "update", "listener_runner"})
"""Arguments that only a listener of a mounted app gets."""


def needs_bolt(what: str, instead: str = "") -> str:
    """Return the message for something that only Bolt has."""
    return f"{what} needs Bolt: {instead or 'put this module under [bolt] modules in config.toml'}"


def check_functions(parameter: str, functions: Sequence[Callable[..., Any]]) -> None:
    """Raise TypeError unless all are functions; Bolt also takes objects of classes of its own."""
    for function in functions:
        if hasattr(function, "process") or hasattr(function, "async_process") or hasattr(function, "async_matches"):
            raise TypeError(needs_bolt(f"{type(function).__name__} in {parameter}"))
        if not callable(function):
            raise TypeError(f"{parameter} takes functions, not {type(function).__name__}")
