"""Messages and forms as JSON: as Slack's API and payloads contain them, and as the page shows them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from latchkey.simulator.model.conversations import Message
from latchkey.simulator.model.views import OpenView

if TYPE_CHECKING:
    from latchkey.simulator.model.world import World

_PARTS = re.compile(r"<@(\w+)>|<#(\w+)(?:\|[^>]*)?>|<(https?://[^>|]+)(?:\|[^>]*)?>")
_INTERACTIVE = frozenset({"actions", "context_actions"})


def with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks with a `block_id` each, and an `action_id` for each interactive element, as Slack adds them."""
    return [_with_ids(block) for block in blocks]


def _with_ids(block: dict[str, Any]) -> dict[str, Any]:
    block = {"block_id": secrets.token_urlsafe(4), **block} if not block.get("block_id") else block
    if block.get("type") in _INTERACTIVE:
        return {**block, "elements": [_with_action_id(element) for element in block.get("elements", ())]}
    for name in ("element", "accessory"):
        if isinstance(block.get(name), dict) and block[name].get("type") != "image":
            block = {**block, name: _with_action_id(block[name])}
    if isinstance(block.get("child_blocks"), list):
        block = {**block, "child_blocks": with_ids(block["child_blocks"])}
    return block


def _with_action_id(element: dict[str, Any]) -> dict[str, Any]:
    return element if element.get("action_id") else {**element, "action_id": secrets.token_urlsafe(4)}


def message_document(world: World, message: Message) -> dict[str, Any]:
    """Return a message as conversations.history and interaction payloads contain it."""
    document: dict[str, Any] = {"type": "message", "user": message.author, "text": message.text, "ts": message.ts}
    if message.author == world.bot_user_id(message.workspace):
        document |= {"bot_id": f"B{message.workspace.team_id[1:]}", "app_id": world.app.app_id}
    reactions = reactions_to(world, message)
    optional = {
        "subtype": message.subtype,
        "thread_ts": message.thread_ts,
        # Bolt's Assistant depends on the blocks that Slack makes of a text.
        "blocks": message.blocks or (rich_text(message.text) if message.text else []),
        "attachments": message.attachments,
        "metadata": message.metadata,
        "reactions": reactions,
    }
    if message.is_edited:
        document["edited"] = {"user": message.author, "ts": message.ts}
    return {**document, **{name: value for name, value in optional.items() if value}}


def reactions_to(world: World, message: Message) -> list[dict[str, Any]]:
    """Return the reactions to a message as Slack's API contains them."""
    found: dict[str, list[str]] = {}
    for channel, ts, name, user_id in sorted(world.reactions):
        if (channel, ts) == (message.channel, message.ts):
            found.setdefault(name, []).append(user_id)
    return [{"name": name, "users": users, "count": len(users)} for name, users in found.items()]


def page_message(world: World, message: Message) -> dict[str, Any]:
    """Return a message as the page shows it."""
    return {
        **message_document(world, message),
        "team": message.workspace.team_id,
        "channel": message.channel,
        "only_for": message.only_for,
        "streaming": message.is_streaming,
        "markdown": message.is_markdown,
        "tasks": list(message.tasks.values()),
        "from_app": message.author == world.bot_user_id(message.workspace),
    }


def page_view(opened: OpenView) -> dict[str, Any]:
    """Return a form as the page shows it."""
    return {"id": opened.view_id, "view": opened.view, "errors": opened.errors, "hash": opened.hash}


def view_document(world: World, opened: OpenView) -> dict[str, Any]:
    """Return a form as Slack's API and payloads contain it, without its state.

    https://docs.slack.dev/reference/views
    """
    workspace = opened.workspace
    return {
        "private_metadata": "",
        "callback_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "external_id": "",
        **opened.view,
        "id": opened.view_id,
        "team_id": workspace.team_id,
        "app_id": world.app.app_id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": f"B{workspace.team_id[1:]}",
        "hash": opened.hash,
        "root_view_id": opened.root_view_id,
        "previous_view_id": opened.previous_view_id,
    }


def rich_text(text: str) -> list[dict[str, Any]]:
    """Return the blocks that Slack makes of a text."""
    section = {"type": "rich_text_section", "elements": list(_elements(text))}
    return [{"type": "rich_text", "block_id": secrets.token_urlsafe(4), "elements": [section]}]


def _elements(text: str) -> Iterator[dict[str, Any]]:
    end = 0
    for found in _PARTS.finditer(text):
        if found.start() > end:
            yield {"type": "text", "text": text[end : found.start()]}
        user, channel, url = found.groups()
        if user:
            yield {"type": "user", "user_id": user}
        elif channel:
            yield {"type": "channel", "channel_id": channel}
        else:
            yield {"type": "link", "url": url}
        end = found.end()
    if end < len(text):
        yield {"type": "text", "text": text[end:]}
