"""The app as it is configured at Slack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from latchkey.simulator.workspaces import APP_ID

DescribeScope: TypeAlias = Callable[[str, bool], str]
"""Called with a scope, and whether it is a user scope; returns what it lets an app do, or an empty string."""


def not_described(scope: str, as_user: bool) -> str:
    """Describe no scope: the consent page then shows its name."""
    return ""


@dataclass(frozen=True)
class SlackApp:
    """The app as it is configured at Slack."""

    client_id: str
    client_secret: str
    signing_secret: str
    redirect_uris: tuple[str, ...]
    events_url: str
    token_rotation: bool = False
    bot_optional: tuple[str, ...] = ()
    """Bot scopes that a person may decline."""
    user_optional: tuple[str, ...] = ()
    app_id: str = APP_ID
    name: str = "Latchkey"
