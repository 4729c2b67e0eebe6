"""What the page shows, as JSON: the state of a workspace for a person, messages, and exchanges in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urlsplit

from latchkey.simulator.model import Message, World, page_message, page_view
from latchkey.simulator.pages.guard import GuardedHandler
from latchkey.simulator.workspaces import SimulatedWorkspace

PAGE_SIZE = 100
"""Messages in one response."""
MAX_LISTED = 200
"""Exchanges in the state."""


class StateHandler(GuardedHandler):
    """GET /page/state?team=…&user=…: everything but messages."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get(self) -> None:
        workspace, user_id = _standpoint(self)
        self.finish(state(self.world, workspace, user_id))


class MessagesHandler(GuardedHandler):
    """GET /page/messages?team=…&user=…&channel=…: the latest messages, those `before` a ts, or a `thread`'s."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get(self) -> None:
        workspace, user_id = _standpoint(self)
        channel, before = self.get_query_argument("channel", ""), self.get_query_argument("before", "")
        thread = self.get_query_argument("thread", "")
        found = _messages(self.world, workspace, user_id, channel, before, thread)
        page = list(islice(found, PAGE_SIZE + 1))
        messages = [page_message(self.world, message) for message in reversed(page[:PAGE_SIZE])]
        replies = _replies(self.world, workspace, channel)
        self.finish({"messages": messages, "more": len(page) > PAGE_SIZE, "replies": replies})


class ExchangeHandler(GuardedHandler):
    """GET /page/exchanges/<number>: a request and its response in full."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get(self, number: str) -> None:
        exchange = self.world.exchanges.get(int(number))
        if exchange is None:
            self.send_error(404)
            return
        self.finish(exchange.document())


def state(world: World, workspace: SimulatedWorkspace, user_id: str) -> dict[str, Any]:
    """Return what the page needs to begin with."""
    home = world.homes.get((workspace.team_id, user_id))
    return {
        "after": f"{world.changes.start}-{world.changes.last}",
        "app": _app(world, workspace),
        "workspaces": [
            {"id": other.team_id, "name": other.name, "org": other.enterprise_name, "bot": world.bot_user_id(other)}
            for other in world.workspaces.values()
        ],
        "team": workspace.team_id,
        "user": user_id,
        "people": [asdict(person) for person in world.directory.people.values()],
        "channels": [asdict(channel) for channel in world.directory.channels(workspace).values()],
        "views": [page_view(view) for view in world.views_of(workspace, user_id)],
        "home": home,
        "agents": [
            {"channel": channel, "thread_ts": thread_ts, **asdict(thread)}
            for (channel, thread_ts), thread in world.agent_threads.items()
        ],
        "exchanges": [exchange.summary() for exchange in world.exchanges.latest(MAX_LISTED)],
        "faults": faults(world),
        "notice": world.notice,
        "log": list(world.log),
    }


def faults(world: World) -> dict[str, Any]:
    """Return what goes wrong at the moment, as the page shows it."""
    api = {method: fault for method, fault in world.faults.items() if fault.times > 0}
    return {
        "sending": asdict(world.sending),
        "api": [
            {"method": method, "status": fault.status, "error": fault.error, "seconds": fault.seconds}
            for method, fault in api.items()
        ],
    }


def _app(world: World, workspace: SimulatedWorkspace) -> dict[str, Any]:
    features = world.manifest.get("features") or {}
    server = urlsplit(world.app.events_url)
    installed = world.authorizations(workspace)
    agent = next((name for name in ("agent_view", "assistant_view") if features.get(name)), None)
    return {
        "name": world.app.name,
        "id": world.app.app_id,
        "is_installed": bool(installed),
        "org_wide": any(token.org_wide for token in installed),
        "install_url": f"{server.scheme}://{server.netloc}/slack/install?{urlencode({'team': workspace.team_id})}",
        "events_url": world.app.events_url,
        "has_manifest": bool(world.manifest),
        "commands": features.get("slash_commands") or [],
        "shortcuts": features.get("shortcuts") or [],
        "agent": agent,
        "prompts": ((features.get(agent) or {}).get("suggested_prompts") or []) if agent else [],
    }


def _messages(
    world: World, workspace: SimulatedWorkspace, user_id: str, channel: str, before: str, thread: str
) -> Iterator[Message]:
    """Yield the messages of a conversation that a person sees, latest first; replies only in their thread."""
    for message in reversed(world.messages):
        if message.workspace != workspace or message.channel != channel or message.only_for not in (None, user_id):
            continue
        is_reply = message.thread_ts not in ("", message.ts)
        if thread and thread not in (message.ts, message.thread_ts):
            continue
        if (thread or not is_reply) and (not before or float(message.ts) < float(before)):
            yield message


def _replies(world: World, workspace: SimulatedWorkspace, channel: str) -> dict[str, int]:
    """Return the number of replies to each message of a conversation that has some."""
    return Counter(
        message.thread_ts
        for message in world.messages
        if message.workspace == workspace
        and message.channel == channel
        and message.thread_ts not in ("", message.ts)
        and message.only_for is None
    )


def _standpoint(handler: Any) -> tuple[SimulatedWorkspace, str]:
    """Return the workspace and the person that the page shows."""
    world: World = handler.world
    first = next(iter(world.workspaces.values()))
    workspace = world.workspaces.get(handler.get_query_argument("team", ""), first)
    user_id = handler.get_query_argument("user", "")
    return workspace, user_id if user_id in world.directory.people else workspace.user_id
