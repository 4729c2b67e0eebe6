"""The simulator's state: workspaces, tokens, codes, messages, open forms. Plain data in memory."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from latchkey.simulator.faults import ApiFault, RateLimit
from latchkey.simulator.tokens import RefreshToken, Token, TokenBook
from latchkey.simulator.workspaces import APP_ID, WORKSPACES, SimulatedWorkspace

CODE_SECONDS = 600
"""OAuth codes expire after ten minutes."""
TRIGGER_SECONDS = 3.0
"""Trigger ids expire after three seconds; each opens one form."""
MAX_RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 1800.0

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


@dataclass
class Grant:
    """An approved install whose code has not been exchanged yet."""

    workspace: SimulatedWorkspace
    user_id: str
    redirect_uri: str
    scopes: str
    user_scopes: str
    org_wide: bool
    expires_at: float
    used: bool = False


@dataclass
class Message:
    """A message in a conversation."""

    workspace: SimulatedWorkspace
    channel: str
    author: str
    text: str
    only_for: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    ts: str = ""
    thread_ts: str = ""
    """The `ts` of the message that this one replies to; empty outside threads."""
    metadata: dict[str, Any] = field(default_factory=dict)
    is_streaming: bool = False
    """Whether the app may append to it."""


@dataclass
class AgentThread:
    """What an agent shows in a thread besides its messages."""

    status: str = ""
    title: str = ""
    prompts: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class OpenView:
    """A form (modal) that a person has open."""

    view_id: str
    workspace: SimulatedWorkspace
    user_id: str
    view: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ApiCall:
    """One call of the Web API, without its token."""

    method: str
    team_id: str | None
    arguments: dict[str, Any]
    response: dict[str, Any]


@dataclass
class Trigger:
    workspace: SimulatedWorkspace
    user_id: str
    expires_at: float
    used: bool = False


@dataclass
class FunctionRun:
    """One run of a function of the app, as a step of a workflow."""

    workspace: SimulatedWorkspace
    execution_id: str
    callback_id: str
    inputs: dict[str, Any]
    token: str
    """Valid until the run is complete."""
    outputs: dict[str, Any] | None = None
    error: str | None = None


@dataclass
class IssuedResponseUrl:
    workspace: SimulatedWorkspace
    channel: str
    user_id: str
    expires_at: float
    uses: int = 0


class World:
    """All state of one simulated Slack."""

    def __init__(
        self, app: SlackApp, clock: Callable[[], float] = time.time, describe_scope: DescribeScope = not_described
    ) -> None:
        """`clock` gives Unix seconds."""
        self.app = app
        self.clock = clock
        self.describe_scope = describe_scope
        self.workspaces = {workspace.team_id: workspace for workspace in WORKSPACES}
        self.grants: dict[str, Grant] = {}
        self.token_book = TokenBook(clock)
        self.messages: list[Message] = []
        self.views: dict[str, OpenView] = {}
        self.homes: dict[tuple[str, str], dict[str, Any]] = {}
        """App Homes, by workspace and person."""
        self.agent_threads: dict[tuple[str, str], AgentThread] = {}
        """By channel and `thread_ts`."""
        self.reactions: set[tuple[str, str, str, str]] = set()
        """Channel, `ts`, name and user id of each."""
        self.calls: list[ApiCall] = []
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, IssuedResponseUrl] = {}
        self.function_runs: dict[str, FunctionRun] = {}
        self.without_org_access: set[str] = set()
        """The ids of workspaces in which their org's org-wide installation may not act."""
        self.rate_limits: dict[str, RateLimit] = {}
        self.faults: dict[str, ApiFault] = {}
        self.responses: list[Any] = []
        self._numbers = itertools.count(1)

    @property
    def tokens(self) -> Mapping[str, Token]:
        """Every access token that was issued, by its value; `token_book.add` adds one."""
        return self.token_book.tokens

    @property
    def refresh_tokens(self) -> Mapping[str, RefreshToken]:
        """Every refresh token that was issued, by its value."""
        return self.token_book.refresh_tokens

    def number(self) -> int:
        return next(self._numbers)

    def timestamp(self) -> str:
        """Return a unique `ts` for a message."""
        return f"{int(self.clock())}.{self.number():06d}"

    def issue_token(self, prefix: str, token: Token) -> str:
        """Return a new random long-lived token in the form of Slack's."""
        return self.token_book.issue(prefix, token)

    def issue_trigger(self, workspace: SimulatedWorkspace, user_id: str) -> str:
        trigger_id = f"{self.number()}.{secrets.randbelow(10**10)}.{secrets.token_hex(8)}"
        self.triggers[trigger_id] = Trigger(workspace, user_id, self.clock() + TRIGGER_SECONDS)
        return trigger_id

    def issue_response_path(self, workspace: SimulatedWorkspace, channel: str, user_id: str) -> str:
        name = secrets.token_hex(12)
        self.response_urls[name] = IssuedResponseUrl(workspace, channel, user_id, self.clock() + RESPONSE_URL_SECONDS)
        return f"/response/{name}"

    def post(self, message: Message) -> Message:
        message.ts = self.timestamp()
        self.messages.append(message)
        return message

    def is_installed(self, workspace: SimulatedWorkspace) -> bool:
        """Return whether the app is installed in this workspace, only there or org-wide."""
        return bool(self.authorizations(workspace))

    def authorizations(self, workspace: SimulatedWorkspace) -> list[Token]:
        """Return the tokens under which the app may act in this workspace, bots' first."""
        tokens = self.token_book.installed(workspace)
        may_act = [token for token in tokens if not token.org_wide or workspace.team_id not in self.without_org_access]
        return sorted(may_act, key=lambda token: not token.is_bot)

    def bot_user_id(self, workspace: SimulatedWorkspace) -> str:
        return f"UBOT{workspace.team_id[2:]}"
