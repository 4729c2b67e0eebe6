"""Keeps the import of a Bolt app from starting a server, and from calling Slack."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.base_handler import BaseSocketModeHandler
from slack_bolt.app.app import App
from slack_bolt.app.async_app import AsyncApp

_SERVER = "it calls {}() when it is imported, which would start a second server"
_SOCKET_MODE = "it connects to Slack in Socket Mode when it is imported ({})"
SERVER_HINT = 'put the call under `if __name__ == "__main__":`'
SOCKET_MODE_HINT = f"{SERVER_HINT}; this server receives requests at its public URL instead"

_CLIENT_ID = "SLACK_CLIENT_ID"
_MANY_WORKSPACES = ("oauth_settings", "oauth_flow", "authorize", "installation_store")
"""The options of an app for more than one workspace."""


class StartedByImport(Exception):
    """A module starts a server when it is imported; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@contextmanager
def guarded() -> Iterator[None]:
    """Inside the block, starting a server raises StartedByImport, and an App doesn't verify its token at Slack.

    The token is verified when it is first used. An app that is written for one token keeps it, although this server's
    SLACK_CLIENT_ID is set, which would make Bolt use OAuth settings of its own making instead.
    """
    replaced: list[tuple[type, str, Callable[..., Any]]] = [
        (App, "__init__", _prepared(App.__init__, {"token_verification_enabled": False})),
        (AsyncApp, "__init__", _prepared(AsyncApp.__init__, {})),
        (App, "start", _refuse(_SERVER.format("App.start"), SERVER_HINT)),
        (AsyncApp, "start", _refuse(_SERVER.format("AsyncApp.start"), SERVER_HINT)),
    ]
    for handler, names in (
        (BaseSocketModeHandler, ("start", "connect")),
        (AsyncBaseSocketModeHandler, ("start_async", "connect_async")),
    ):
        replaced += [(handler, name, _refuse(_SOCKET_MODE.format(name), SOCKET_MODE_HINT)) for name in names]
    with ExitStack() as stack:
        for owner, name, replacement in replaced:
            stack.enter_context(patch.object(owner, name, replacement))
        yield


def _refuse(message: str, hint: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> None:
        raise StartedByImport(message, hint)

    return refuse


@contextmanager
def with_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Inside the block, these environment variables are set, unless they are set already."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _prepared(initialize: Callable[..., None], forced: Mapping[str, Any]) -> Callable[..., None]:
    @wraps(initialize)
    def initialize_here(self: Any, *arguments: Any, **options: Any) -> None:
        # Bolt names an app after the file that makes it.
        options.setdefault("name", Path(sys._getframe(1).f_code.co_filename).name)
        client_id = os.environ.pop(_CLIENT_ID, None) if _is_for_one_token(options) else None
        try:
            initialize(self, *arguments, **{**options, **forced})
        finally:
            if client_id is not None:
                os.environ[_CLIENT_ID] = client_id

    return initialize_here


def _is_for_one_token(options: Mapping[str, Any]) -> bool:
    token = options.get("token") or getattr(options.get("client"), "token", None) or os.environ.get("SLACK_BOT_TOKEN")
    return bool(token) and all(options.get(name) is None for name in _MANY_WORKSPACES)
