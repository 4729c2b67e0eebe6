"""All state of one simulated Slack."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from latchkey.simulator.faults import ApiFault, RateLimit, SendingFaults
from latchkey.simulator.model.app import DescribeScope, SlackApp, not_described
from latchkey.simulator.model.calls import ApiCall, FunctionRun
from latchkey.simulator.model.changes import Changes
from latchkey.simulator.model.conversations import AgentThread, Message
from latchkey.simulator.model.directory import Directory
from latchkey.simulator.model.documents import page_message, page_view, with_ids
from latchkey.simulator.model.exchanges import Exchanges
from latchkey.simulator.model.permissions import (
    RESPONSE_URL_SECONDS,
    TRIGGER_SECONDS,
    Grant,
    IssuedResponseUrl,
    Trigger,
)
from latchkey.simulator.model.views import OpenView
from latchkey.simulator.tokens import ConfigurationTokens, RefreshToken, Token, TokenBook
from latchkey.simulator.workspaces import WORKSPACES, SimulatedWorkspace

MAX_LOG_LINES = 1000


class World:
    """All state of one simulated Slack."""

    def __init__(
        self,
        app: SlackApp,
        clock: Callable[[], float] = time.time,
        describe_scope: DescribeScope = not_described,
        *,
        keep: int | None = None,
    ) -> None:
        """`clock` gives Unix seconds. `keep`: how many of the newest messages and so on are kept; None keeps all."""
        self.app = app
        self._keep = keep
        self.directory = Directory()
        self.changes = Changes()
        self.exchanges = Exchanges(self.changes)
        self.clock = clock
        self.describe_scope = describe_scope
        self.workspaces = {workspace.team_id: workspace for workspace in WORKSPACES}
        self.grants: dict[str, Grant] = {}
        self.token_book = TokenBook(clock)
        self.configuration_tokens = ConfigurationTokens(clock)
        self.messages: list[Message] = []
        self.views: dict[str, OpenView] = {}
        self.homes: dict[tuple[str, str], dict[str, Any]] = {}
        """App Homes, by workspace and person."""
        self.home_views: dict[tuple[str, str], OpenView] = {}
        """The same, with their ids."""
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
        self.sending = SendingFaults()
        self.notice: dict[str, str] = {}
        """What the page shows above everything: `level` and `text`; empty for nothing."""
        self.log: deque[str] = deque(maxlen=MAX_LOG_LINES)
        """The latest lines of the app's log."""
        self.manifest: dict[str, Any] = {}
        """The app's manifest; empty if it is not known."""
        self.responses: list[Any] = []
        self._by_ts: dict[tuple[str, str, str], Message] = {}
        """Messages by workspace, channel and `ts`."""
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
        _drop_oldest(self.triggers, self._keep)
        return trigger_id

    def issue_response_path(
        self, workspace: SimulatedWorkspace, channel: str, user_id: str, message: Message | None = None
    ) -> str:
        """Return the path of a new response URL, which may change `message` if there is one."""
        name = secrets.token_hex(12)
        expires_at = self.clock() + RESPONSE_URL_SECONDS
        self.response_urls[name] = IssuedResponseUrl(workspace, channel, user_id, expires_at, message)
        _drop_oldest(self.response_urls, self._keep)
        return f"/response/{name}"

    def post(self, message: Message) -> Message:
        """Add a message; it gets a `ts`, its blocks get ids, and a user id as its channel becomes direct messages."""
        message.ts = message.ts or self.timestamp()
        message.workspace = self.workspaces[message.workspace.team_id]
        message.channel = self.directory.channel(message.workspace, message.channel).channel_id
        self.messages.append(message)
        self._by_ts[message.workspace.team_id, message.channel, message.ts] = message
        self.changed(message)
        self._end_status(message)
        if self._keep is not None and len(self.messages) > self._keep:
            oldest = self.messages.pop(0)
            self._by_ts.pop((oldest.workspace.team_id, oldest.channel, oldest.ts), None)
        return message

    def _end_status(self, message: Message) -> None:
        """Remove the status of a thread in which the app posts, as Slack does."""
        thread = self.agent_threads.get((message.channel, message.thread_ts))
        if thread and thread.status and message.author == self.bot_user_id(message.workspace):
            thread.status = ""
            self.show_agent(message.workspace, message.channel, message.thread_ts, thread)

    def show_agent(self, workspace: SimulatedWorkspace, channel: str, thread_ts: str, thread: AgentThread) -> None:
        """Show what an agent shows in a thread, which has changed, to the readers of the changes."""
        place = {"team": workspace.team_id, "channel": channel, "thread_ts": thread_ts}
        self.changes.add("agent", {**place, **asdict(thread)})

    def changed(self, message: Message) -> None:
        """Show a message that was added or has changed to the readers of the changes."""
        message.blocks = with_ids(message.blocks)
        if self.changes.is_read:
            self.changes.add("message", page_message(self, message))

    def find(self, workspace: SimulatedWorkspace, channel: str, ts: str) -> Message | None:
        """Return a message, None if there is none."""
        return self._by_ts.get((workspace.team_id, channel, ts))

    def delete(self, message: Message) -> None:
        """Delete a message."""
        key = message.workspace.team_id, message.channel, message.ts
        self._by_ts.pop(key, None)
        self.messages.remove(message)
        self.changes.add("deleted", dict(zip(("team", "channel", "ts"), key, strict=True)))

    @property
    def _keep_calls(self) -> int | None:
        """How many of the newest calls and responses are kept: fewer, because no page shows them."""
        return None if self._keep is None else self._keep // 10

    def record(self, call: ApiCall) -> None:
        """Record a call of the Web API."""
        _append(self.calls, call, self._keep_calls)

    def responded(self, response: object) -> None:
        """Record the app's response to a request."""
        _append(self.responses, response, self._keep_calls)

    def views_of(self, workspace: SimulatedWorkspace, user_id: str) -> list[OpenView]:
        """Return the forms that a person has open, the lowest first."""
        return [view for view in self.views.values() if view.workspace == workspace and view.user_id == user_id]

    def notify(self, level: str, text: str) -> None:
        """Show a notice on the page, in place of the one before; an empty text removes it. `level`: info or error."""
        self.notice = {"level": level, "text": text} if text else {}
        self.changes.add("notice", {"level": level, "text": text})

    def log_line(self, line: str) -> None:
        """Show a line of the app's log in the inspector."""
        self.log.append(line)
        self.changes.add("log", {"line": line})

    def open_view(self, workspace: SimulatedWorkspace, user_id: str, view: dict[str, Any]) -> OpenView:
        """Open a form for a person, on top of the forms that they have open."""
        below = self.views_of(workspace, user_id)
        opened = OpenView(f"V{self.number():08d}", self.workspaces[workspace.team_id], user_id, view)
        opened.root_view_id = below[0].view_id if below else opened.view_id
        opened.previous_view_id = below[-1].view_id if below else None
        self.views[opened.view_id] = opened
        self.replace_view(opened, view)
        return opened

    def replace_view(self, opened: OpenView, view: dict[str, Any]) -> None:
        """Replace the content of a form."""
        opened.view, opened.errors = {**view, "blocks": with_ids(view.get("blocks") or [])}, {}
        opened.hash = f"{int(self.clock())}.{secrets.token_hex(4)}"
        self.show_views(opened.workspace, opened.user_id)

    def close_views(self, *closed: OpenView) -> None:
        """Close forms of one person."""
        for view in closed:
            self.views.pop(view.view_id, None)
            self.show_views(view.workspace, view.user_id)

    def show_views(self, workspace: SimulatedWorkspace, user_id: str) -> None:
        """Show a person's forms, which have changed, to the readers of the changes."""
        if self.changes.is_read:
            forms = [page_view(view) for view in self.views_of(workspace, user_id)]
            self.changes.add("views", {"team": workspace.team_id, "user": user_id, "views": forms})

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


def _append(items: list[Any], item: object, keep: int | None) -> None:
    """Append an item; drop the first one if there are more than `keep`."""
    items.append(item)
    if keep is not None and len(items) > keep:
        del items[0]


def _drop_oldest(items: dict[str, Any], keep: int | None) -> None:
    """Drop the item that was added first if there are more than `keep`."""
    if keep is not None and len(items) > keep:
        del items[next(iter(items))]
