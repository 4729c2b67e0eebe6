"""The Web API methods that apps of this kind call.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from latchkey.simulator.model import Grant, Message, OpenView, Token, Trigger, World

Arguments: TypeAlias = Mapping[str, Any]
Document: TypeAlias = dict[str, Any]


class ApiError(Exception):
    """The response is `{"ok": false, "error": …}`; the message is the error code."""


def oauth_v2_access(world: World, arguments: Arguments, authorization: str) -> Document:
    """Exchange a code; each works once. The client credentials are in the form or in Basic authentication."""
    client_id, client_secret = arguments.get("client_id"), arguments.get("client_secret")
    if authorization.startswith("Basic "):
        client_id, _, client_secret = base64.b64decode(authorization[6:]).decode().partition(":")
    if client_id != world.app.client_id:
        raise ApiError("invalid_client_id")
    if client_secret != world.app.client_secret:
        raise ApiError("bad_client_secret")
    grant = world.grants.get(str(arguments.get("code")))
    if grant is None or world.clock() >= grant.expires_at:
        raise ApiError("invalid_code")
    if grant.used:
        raise ApiError("code_already_used")
    if arguments.get("redirect_uri") != grant.redirect_uri:
        raise ApiError("bad_redirect_uri")
    grant.used = True
    return _access(world, grant)


def _access(world: World, grant: Grant) -> Document:
    workspace = grant.workspace
    document: Document = {
        "ok": True,
        "app_id": world.app.app_id,
        "authed_user": {"id": grant.user_id},
        "team": None if grant.org_wide else {"id": workspace.team_id, "name": workspace.name},
        "enterprise": {"id": workspace.enterprise_id, "name": workspace.enterprise_name}
        if workspace.enterprise_id
        else None,
        "is_enterprise_install": grant.org_wide,
    }
    if grant.scopes:
        bot = Token(workspace, world.bot_user_id(workspace), True, grant.org_wide, grant.scopes)
        document |= {
            "access_token": world.issue_token("xoxb", bot),
            "token_type": "bot",
            "scope": grant.scopes,
            "bot_user_id": bot.user_id,
        }
    if grant.user_scopes:
        user = Token(workspace, grant.user_id, False, grant.org_wide, grant.user_scopes)
        document["authed_user"] |= {
            "access_token": world.issue_token("xoxp", user),
            "scope": grant.user_scopes,
            "token_type": "user",
        }
    if "incoming-webhook" in grant.scopes.split(","):
        document["incoming_webhook"] = {
            "url": f"https://hooks.slack.com/services/{secrets.token_hex(8)}",
            "channel": "#general",
            "channel_id": workspace.channel_id,
            "configuration_url": "https://example.slack.com/services/1",
        }
    return document


def auth_test(world: World, token: Token, arguments: Arguments) -> Document:
    workspace = token.workspace
    document: Document = {
        "url": f"https://{workspace.name.lower()}.slack.com/",
        "team": workspace.name,
        "user": "latchkey" if token.is_bot else "alice",
        "team_id": workspace.team_id,
        "user_id": token.user_id,
        "is_enterprise_install": token.org_wide,
    }
    return {**document, "bot_id": f"B{workspace.team_id[1:]}"} if token.is_bot else document


def chat_post_message(world: World, token: Token, arguments: Arguments) -> Document:
    message = world.post(_message(world, token, arguments))
    return {"channel": message.channel, "ts": message.ts, "message": {"text": message.text, "ts": message.ts}}


def chat_post_ephemeral(world: World, token: Token, arguments: Arguments) -> Document:
    if not arguments.get("user"):
        raise ApiError("user_not_in_channel")
    message = _message(world, token, arguments)
    message.only_for = str(arguments["user"])
    return {"message_ts": world.post(message).ts}


def _message(world: World, token: Token, arguments: Arguments) -> Message:
    if "chat:write" not in token.scopes.split(","):
        raise ApiError("missing_scope")
    if not arguments.get("channel"):
        raise ApiError("channel_not_found")
    blocks = _json(arguments.get("blocks")) or []
    if not arguments.get("text") and not blocks:
        raise ApiError("no_text")
    return Message(
        token.workspace, str(arguments["channel"]), token.user_id, str(arguments.get("text") or ""), blocks=blocks
    )


def views_open(world: World, token: Token, arguments: Arguments) -> Document:
    trigger = _use_trigger(world, arguments)
    view_id = f"V{world.number():08d}"
    opened = OpenView(view_id, trigger.workspace, trigger.user_id, _view(arguments))
    world.views[view_id] = opened
    return {"view": _view_document(world, opened)}


def views_update(world: World, token: Token, arguments: Arguments) -> Document:
    opened = world.views.get(str(arguments.get("view_id")))
    if opened is None:
        raise ApiError("not_found")
    opened.view, opened.errors = _view(arguments), {}
    return {"view": _view_document(world, opened)}


def apps_uninstall(world: World, token: Token, arguments: Arguments) -> Document:
    if (arguments.get("client_id"), arguments.get("client_secret")) != (world.app.client_id, world.app.client_secret):
        raise ApiError("bad_client_secret")
    for other in world.tokens.values():
        if other.workspace == token.workspace:
            other.revoked = True
    return {}


def auth_revoke(world: World, token: Token, arguments: Arguments) -> Document:
    if str(arguments.get("test", "")).lower() in ("1", "true"):
        return {"revoked": False}
    token.revoked = True
    return {"revoked": True}


METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "auth.test": auth_test,
    "auth.revoke": auth_revoke,
    "apps.uninstall": apps_uninstall,
    "chat.postMessage": chat_post_message,
    "chat.postEphemeral": chat_post_ephemeral,
    "views.open": views_open,
    "views.push": views_open,
    "views.update": views_update,
}
"""By Slack's names. oauth.v2.access is missing because it is called without a token."""


def _use_trigger(world: World, arguments: Arguments) -> Trigger:
    trigger = world.triggers.get(str(arguments.get("trigger_id")))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if world.clock() >= trigger.expires_at:
        raise ApiError("expired_trigger_id")
    trigger.used = True
    return trigger


def _view(arguments: Arguments) -> Document:
    view = _json(arguments.get("view"))
    if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("title") or not view.get("blocks"):
        raise ApiError("invalid_arguments")
    return view


def _view_document(world: World, opened: OpenView) -> Document:
    return {**opened.view, "id": opened.view_id, "team_id": opened.workspace.team_id, "app_id": world.app.app_id}


def _json(value: object) -> Any:
    """Return a nested argument, which slack_sdk sends as JSON text in a form. Raises ApiError."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError("invalid_arguments") from None
