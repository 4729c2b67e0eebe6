"""The test kit for listeners: pytest fixtures that run an app, in memory, against a simulated Slack.

A test takes the fixture `slack`, which is a `SlackUser`. `latchkey_app` returns the `AppToTest`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latchkey.testing.app_to_test import AppToTest as AppToTest
    from latchkey.testing.errors import NotThere as NotThere
    from latchkey.testing.errors import StillRunning as StillRunning
    from latchkey.testing.movable_clock import MovableClock as MovableClock
    from latchkey.testing.outcome import Outcome as Outcome
    from latchkey.testing.slack_user import SlackUser as SlackUser
    from latchkey.testing.surfaces import Agent as Agent
    from latchkey.testing.surfaces import Home as Home
    from latchkey.testing.surfaces import Modal as Modal
    from latchkey.testing.surfaces import PostedMessage as PostedMessage

_MODULES = {
    "Agent": "surfaces",
    "AppToTest": "app_to_test",
    "Home": "surfaces",
    "Modal": "surfaces",
    "MovableClock": "movable_clock",
    "NotThere": "errors",
    "Outcome": "outcome",
    "PostedMessage": "surfaces",
    "SlackUser": "slack_user",
    "StillRunning": "errors",
}


def __getattr__(name: str) -> Any:
    """Import on first use, because pytest imports this package in every run, also if no test needs it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
