"""Keeps the import of a Bolt app from starting a server, and from calling Slack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
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


class StartedByImport(Exception):
    """A module starts a server when it is imported; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@contextmanager
def guarded() -> Iterator[None]:
    """Inside the block, starting a server raises StartedByImport, and an App doesn't verify its token at Slack.

    The token is verified when it is first used.
    """
    replaced: list[tuple[type, str, Callable[..., Any]]] = [
        (App, "__init__", _without_verification(App.__init__)),
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


def _without_verification(initialize: Callable[..., None]) -> Callable[..., None]:
    @wraps(initialize)
    def initialize_offline(self: Any, *arguments: Any, **options: Any) -> None:
        # Bolt names an app after the file that makes it.
        options.setdefault("name", Path(sys._getframe(1).f_code.co_filename).name)
        initialize(self, *arguments, **{**options, "token_verification_enabled": False})

    return initialize_offline
