"""What the app manifest is made from: the settings, and what the listeners require."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from latchkey.slackapi.paths import CALLBACK_PATH


class Command(NamedTuple):
    name: str
    description: str
    usage_hint: str = ""
    """What people type after it, as Slack shows it beside the command; empty if the author gives none."""


class Function(NamedTuple):
    callback_id: str
    description: str


class Shortcut(NamedTuple):
    type: Literal["global", "message"]
    callback_id: str
    description: str


@dataclass
class ManifestRequirements:
    """What the registered listeners require."""

    commands: list[Command] = field(default_factory=list)
    shortcuts: list[Shortcut] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """Event types as they appear in payloads: every message is "message", or "message.im" if only direct ones are."""
    functions: list[Function] = field(default_factory=list)
    """The functions that listeners run as steps of workflows."""
    interactivity: bool = False
    options: bool = False
    notes: list[str] = field(default_factory=list)
    """Messages for the author about what could not be determined."""


@dataclass(frozen=True)
class AppSettings:
    """The settings that go into the manifest."""

    name: str
    description: str
    public_url: str
    """Scheme and host, without a slash at the end."""
    scopes: Sequence[str]
    user_scopes: Sequence[str]
    optional_scopes: Sequence[str] = ()
    """Scopes that people may decline when they install the app."""
    optional_user_scopes: Sequence[str] = ()
    callback_path: str = CALLBACK_PATH
    org_deployment: bool = False
    token_rotation: bool = False
