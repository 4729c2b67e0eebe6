"""The JSON that Slack sends: envelopes of events, and payloads of interactions, with the keys that Slack documents."""

from __future__ import annotations

import json
import secrets
from typing import Any

from latchkey.simulator.model import Message, OpenView, World, message_document, rich_text, view_document
from latchkey.simulator.workspaces import SimulatedWorkspace


def event_body(
    world: World, workspace: SimulatedWorkspace, event: dict[str, Any], wrapper: dict[str, Any] | None = None
) -> bytes:
    """Return an event in its envelope; fields of `wrapper` replace those of the envelope, None removes them.

    https://docs.slack.dev/apis/events-api#event-type-structure
    """
    authorization = _authorization(world, workspace)
    document = {
        "token": "legacy",
        "team_id": workspace.team_id,
        "enterprise_id": workspace.enterprise_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": workspace.enterprise_id,
        "api_app_id": world.app.app_id,
        "event": {"event_ts": world.timestamp(), **event},
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(6).upper()}",
        "event_time": int(world.clock()),
        "event_context": secrets.token_hex(16),
        "is_ext_shared_channel": False,
        "authorizations": [authorization],
    }
    for name, value in (wrapper or {}).items():
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
    return json.dumps(document).encode()


def _authorization(world: World, workspace: SimulatedWorkspace) -> dict[str, Any]:
    """Return the installation that an event is sent for: the bot's, or a person's if the app has no bot.

    https://docs.slack.dev/apis/events-api#authorizations
    """
    tokens = world.authorizations(workspace)
    return {
        "enterprise_id": workspace.enterprise_id,
        "team_id": workspace.team_id,
        "user_id": tokens[0].user_id if tokens else world.bot_user_id(workspace),
        "is_bot": tokens[0].is_bot if tokens else True,
        "is_enterprise_install": is_org_wide(world, workspace),
    }


def message_event(world: World, message: Message, kind: str = "message") -> dict[str, Any]:
    """Return the event of a person's message: `message`, or `app_mention`.

    https://docs.slack.dev/reference/events/message
    """
    event = {
        "type": kind,
        "user": message.author,
        "ts": message.ts,
        "client_msg_id": secrets.token_hex(16),
        "text": message.text,
        "team": message.workspace.team_id,
        "blocks": message.blocks or rich_text(message.text),
        "channel": message.channel,
        "event_ts": message.ts,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
        first = world.find(message.workspace, message.channel, message.thread_ts)
        if first is not None:
            event["parent_user_id"] = first.author
    if kind == "message":
        event["channel_type"] = world.directory.channel(message.workspace, message.channel).kind
    return event


def command_fields(world: World, workspace: SimulatedWorkspace, command: str, text: str) -> dict[str, str]:
    """Return the form of a slash command, without `trigger_id` and `response_url`.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    fields = {
        "token": "legacy",
        "team_id": workspace.team_id,
        "team_domain": workspace.name.lower(),
        "channel_id": workspace.channel_id,
        "channel_name": world.directory.channel(workspace, workspace.channel_id).name,
        "user_id": workspace.user_id,
        "user_name": world.directory.user_name(workspace.user_id),
        "command": command,
        "text": text,
        "api_app_id": world.app.app_id,
        "is_enterprise_install": str(is_org_wide(world, workspace)).lower(),
    }
    if workspace.enterprise_id and workspace.enterprise_name:
        fields |= {"enterprise_id": workspace.enterprise_id, "enterprise_name": workspace.enterprise_name}
    return fields


def interaction(world: World, workspace: SimulatedWorkspace, kind: str) -> dict[str, Any]:
    """Return what all interaction payloads have in common, without `trigger_id`.

    https://docs.slack.dev/reference/interaction-payloads
    """
    team = {"id": workspace.team_id, "domain": workspace.name.lower()}
    enterprise = None
    if workspace.enterprise_id:
        enterprise = {"id": workspace.enterprise_id, "name": workspace.enterprise_name}
        team |= {"enterprise_id": workspace.enterprise_id, "enterprise_name": workspace.enterprise_name or ""}
    name = world.directory.user_name(workspace.user_id)
    user = {"id": workspace.user_id, "username": name, "name": name, "team_id": workspace.team_id}
    document = {
        "type": kind,
        "team": team,
        "enterprise": enterprise,
        "user": user,
        "token": "legacy",
        "is_enterprise_install": is_org_wide(world, workspace),
    }
    if kind == "shortcut":
        del user["name"]
    elif kind == "message_action":
        del user["username"]
    else:
        document["api_app_id"] = world.app.app_id
    return document


def channel_field(world: World, workspace: SimulatedWorkspace, channel: str) -> dict[str, str]:
    """Return the `channel` of an interaction payload."""
    found = world.directory.channel(workspace, channel)
    return {"id": found.channel_id, "name": found.name}


def of_message(world: World, message: Message, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the fields of block_actions about an element in a message.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    is_ephemeral = message.only_for is not None
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    fields = {
        "container": container,
        "channel": channel_field(world, message.workspace, message.channel),
        "state": {"values": values or {}},
    }
    # Slack does not keep ephemeral messages, so their payloads have no `message`.
    return fields if is_ephemeral else {**fields, "message": message_document(world, message)}


def of_view(world: World, opened: OpenView, values: dict[str, Any]) -> dict[str, Any]:
    """Return a form or an App Home as payloads contain it, with the state of its elements."""
    return {**view_document(world, opened), "state": {"values": values}}


def is_org_wide(world: World, workspace: SimulatedWorkspace) -> bool:
    """Return whether the app acts in this workspace by an org-wide installation."""
    return any(token.org_wide for token in world.authorizations(workspace))
