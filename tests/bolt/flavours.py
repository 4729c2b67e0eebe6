"""Writes a function once, and registers it with an App or with an AsyncApp."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp

both_flavours = pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])


def new_app(is_async: bool, **options: Any) -> Any:
    """Return an app that has a token unless the options say otherwise."""
    if not options.keys() & {"token", "client", "authorize", "oauth_settings"}:
        options["token"] = "xoxb-own"  # noqa: S105  # not a real token
    if is_async:
        return AsyncApp(signing_secret="s", **options)
    return App(signing_secret="s", token_verification_enabled=False, **options)


def fit(app: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, for an AsyncApp as a coroutine function with the same arguments."""
    if not isinstance(app, AsyncApp):
        return function

    @wraps(function)  # Bolt reads the names of its arguments behind this
    async def run(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        return await result if inspect.isawaitable(result) else result

    return run
