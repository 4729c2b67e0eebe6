"""All state of one simulated Slack."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from latchkey.simulator.faults import ApiFault, RateLimit
from latchkey.simulator.model.app import DescribeScope, SlackApp, not_described
from latchkey.simulator.model.calls import ApiCall, FunctionRun
from latchkey.simulator.model.conversations import AgentThread, Message
from latchkey.simulator.model.permissions import (
    RESPONSE_URL_SECONDS,
    TRIGGER_SECONDS,
    Grant,
    IssuedResponseUrl,
    Trigger,
)
from latchkey.simulator.model.views import OpenView
from latchkey.simulator.tokens import RefreshToken, Token, TokenBook
from latchkey.simulator.workspaces import WORKSPACES, SimulatedWorkspace


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
