"""What the stand-in knows: workspaces, tokens, codes, messages, open forms.

Rule: all of it is plain data in memory; who may change it is in the other files.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CODE_SECONDS = 600
"""Slack's codes live ten minutes."""
TRIGGER_SECONDS = 3.0
"""Slack's trigger ids live three seconds and open one form."""
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 1800.0


@dataclass(frozen=True)
class Workspace:
    """One workspace; `enterprise_id` is its org's, where it has one."""

    team_id: str
    name: str
    enterprise_id: str | None = None
    enterprise_name: str | None = None
    user_id: str = "U0ALICE"
    channel_id: str = "C0GENERAL"


@dataclass(frozen=True)
class AppSettings:
    """What is configured for the app at Slack."""

    client_id: str
    client_secret: str
    signing_secret: str
    redirect_uris: tuple[str, ...]
    events_url: str
    app_id: str = "A0LATCHKEY"


@dataclass
class Grant:
    """An approval that waits for its code to be exchanged."""

    workspace: Workspace
    user_id: str
    redirect_uri: str
    scopes: str
    user_scopes: str
    org_wide: bool
    expires_at: float
    used: bool = False


@dataclass
class Token:
    """Whose a token is."""

    workspace: Workspace
    user_id: str
    is_bot: bool
    org_wide: bool
    scopes: str
    revoked: bool = False


@dataclass
class Message:
    """Something that stands in a conversation."""

    workspace: Workspace
    channel: str
    author: str
    text: str
    only_for: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    ts: str = ""


@dataclass
class OpenView:
    """A form that is open in front of somebody."""

    view_id: str
    workspace: Workspace
    user_id: str
    view: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Called:
    """One call of the Web API, without its token."""

    method: str
    team_id: str | None
    arguments: dict[str, Any]
    answer: dict[str, Any]


@dataclass
class Trigger:
    workspace: Workspace
    user_id: str
    expires_at: float
    used: bool = False


@dataclass
class ResponseUrl:
    workspace: Workspace
    channel: str
    user_id: str
    expires_at: float
    uses: int = 0


@dataclass
class Fault:
    """How the next calls of a method go wrong."""

    times: int
    status: int = 200
    error: str | None = None
    seconds: float = 0.0


WORKSPACES = (
    Workspace("T0ACME", "Acme"),
    Workspace("T0BIRCH", "Birch"),
    Workspace("T0CEDAR", "Cedar", enterprise_id="E0FOREST", enterprise_name="Forest"),
)


class World:
    """Everything that the stand-in remembers."""

    def __init__(self, app: AppSettings, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self.app = app
        self.clock = clock
        self.workspaces = {workspace.team_id: workspace for workspace in WORKSPACES}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, Token] = {}
        self.messages: list[Message] = []
        self.views: dict[str, OpenView] = {}
        self.calls: list[Called] = []
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.faults: dict[str, Fault] = {}
        self.answers: list[Any] = []
        self._numbers = itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    def timestamp(self) -> str:
        """Return a message's `ts`, unlike any other."""
        return f"{int(self.clock())}.{self.number():06d}"

    def issue_token(self, prefix: str, token: Token) -> str:
        """Return a new random token that looks like one of Slack's."""
        value = f"{prefix}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(16)}"
        self.tokens[value] = token
        return value

    def issue_trigger(self, workspace: Workspace, user_id: str) -> str:
        trigger_id = f"{self.number()}.{secrets.randbelow(10**10)}.{secrets.token_hex(8)}"
        self.triggers[trigger_id] = Trigger(workspace, user_id, self.clock() + TRIGGER_SECONDS)
        return trigger_id

    def issue_response_path(self, workspace: Workspace, channel: str, user_id: str) -> str:
        name = secrets.token_hex(12)
        self.response_urls[name] = ResponseUrl(workspace, channel, user_id, self.clock() + RESPONSE_URL_SECONDS)
        return f"/response/{name}"

    def post(self, message: Message) -> Message:
        message.ts = self.timestamp()
        self.messages.append(message)
        return message

    def is_installed(self, workspace: Workspace) -> bool:
        """Whether the app has a live bot token that reaches this workspace."""
        return any(
            token.is_bot
            and not token.revoked
            and (
                token.workspace == workspace
                or (token.org_wide and token.workspace.enterprise_id == workspace.enterprise_id)
            )
            for token in self.tokens.values()
        )

    def bot_user_id(self, workspace: Workspace) -> str:
        return f"UBOT{workspace.team_id[2:]}"
