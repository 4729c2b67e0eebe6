"""The Web API methods that issue, refresh, exchange and revoke tokens.

Each takes the world, the arguments and the value of the token in the call ("" if there is none), and returns
the fields of an `ok: true` response or raises `ApiError` with Slack's error code.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from latchkey.simulator.model import Grant, World
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document


def oauth_v2_access(world: World, arguments: Arguments, value: str) -> Document:
    """Exchange a code, or a refresh token, for tokens.

    https://docs.slack.dev/reference/methods/oauth.v2.access
    """
    _check_credentials(world, arguments)
    grant_type = arguments.get("grant_type") or "authorization_code"
    if grant_type == "refresh_token":
        owner, pair = world.token_book.refresh(str(arguments.get("refresh_token")), world.app.app_id)
        return _refreshed(world, owner, pair)
    if grant_type != "authorization_code":
        raise ApiError("invalid_grant_type")
    grant = world.grants.get(str(arguments.get("code")))
    if grant is None or world.clock() >= grant.expires_at:
        raise ApiError("invalid_code")
    if grant.used:
        raise ApiError("code_already_used")
    if arguments.get("redirect_uri") != grant.redirect_uri:
        raise ApiError("bad_redirect_uri")
    grant.used = True
    world.changes.add("state", {})
    return _installed(world, grant)


def oauth_v2_exchange(world: World, arguments: Arguments, value: str) -> Document:
    """Exchange a long-lived token for a pair.

    https://docs.slack.dev/reference/methods/oauth.v2.exchange
    """
    _check_credentials(world, arguments)
    if not world.app.token_rotation:
        raise ApiError("token_rotation_not_enabled")
    owner, pair = world.token_book.exchange(value, world.app.app_id)
    return _refreshed(world, owner, pair)


def auth_revoke(world: World, arguments: Arguments, value: str) -> Document:
    """Revoke the token of the call, which may be a refresh token.

    https://docs.slack.dev/reference/methods/auth.revoke
    """
    refresh = world.refresh_tokens.get(value)
    if refresh is None:
        world.token_book.authenticate(value)
    elif refresh.revoked or refresh.access.ended:
        raise ApiError("token_revoked")
    if str(arguments.get("test", "")).lower() in ("1", "true"):
        return {"revoked": False}
    world.token_book.revoke(value)
    return {"revoked": True}


def apps_uninstall(world: World, arguments: Arguments, value: str) -> Document:
    """Remove the app from a workspace: revokes all tokens of that installation.

    An org-wide app is removed only by an admin of the org: "The method cannot be called from an Enterprise."

    https://docs.slack.dev/reference/methods/apps.uninstall
    """
    token = world.token_book.authenticate(value)
    _check_credentials(world, arguments)
    if token.app_id != world.app.app_id:
        raise ApiError("client_id_token_mismatch")
    if token.org_wide:
        raise ApiError("enterprise_is_restricted")
    world.token_book.remove_app(token.workspace, org_wide=token.org_wide, app_id=token.app_id)
    return {}


TOKEN_METHODS: dict[str, Callable[[World, Arguments, str], Document]] = {
    "oauth.v2.access": oauth_v2_access,
    "oauth.v2.exchange": oauth_v2_exchange,
    "auth.revoke": auth_revoke,
    "apps.uninstall": apps_uninstall,
}
"""By Slack's names."""


def _check_credentials(world: World, arguments: Arguments) -> None:
    if arguments.get("client_id") != world.app.client_id:
        raise ApiError("invalid_client_id")
    if arguments.get("client_secret") != world.app.client_secret:
        raise ApiError("bad_client_secret")


def _issue(world: World, prefix: str, owner: Token) -> Document:
    if world.app.token_rotation:
        return world.token_book.issue_pair(owner)
    return {"access_token": world.issue_token(prefix, owner)}


def _installed(world: World, grant: Grant) -> Document:
    """Issue the tokens of an approved install."""
    workspace = grant.workspace
    user: dict[str, Any] = {"id": grant.user_id}
    document: Document = {**_place(world, workspace_of=grant), "authed_user": user}
    if grant.scopes:
        bot = _add_scopes(world, Token(workspace, world.bot_user_id(workspace), True, grant.org_wide, grant.scopes))
        document |= {
            **_issue(world, "xoxb", bot),
            "token_type": "bot",
            "scope": bot.scopes,
            "bot_user_id": bot.user_id,
        }
    if grant.user_scopes:
        owner = _add_scopes(world, Token(workspace, grant.user_id, False, grant.org_wide, grant.user_scopes))
        user |= {**_issue(world, "xoxp", owner), "scope": owner.scopes, "token_type": "user"}
    if "incoming-webhook" in grant.scopes.split(","):
        document["incoming_webhook"] = {
            "url": f"https://hooks.slack.com/services/{secrets.token_hex(8)}",
            "channel": "#general",
            "channel_id": workspace.channel_id,
            "configuration_url": "https://example.slack.com/services/1",
        }
    return document


def _add_scopes(world: World, owner: Token) -> Token:
    """Add the scopes granted before: a reinstall adds scopes, and only a revocation takes them away.

    https://docs.slack.dev/authentication/installing-with-oauth
    """
    scopes = dict.fromkeys([*world.token_book.granted(owner), *owner.scopes.split(",")])
    return replace(owner, scopes=",".join(scopes))


def _refreshed(world: World, owner: Token, pair: Document) -> Document:
    """Return the response for one refreshed or exchanged token, a bot's or a user's.

    https://docs.slack.dev/authentication/using-token-rotation
    """
    kind = (
        {"token_type": "bot", "bot_user_id": owner.user_id}
        if owner.is_bot
        else {"token_type": "user", "user_id": owner.user_id}
    )
    return {**_place(world, workspace_of=owner), **pair, **kind, "scope": owner.scopes}


def _place(world: World, workspace_of: Grant | Token) -> Document:
    workspace, org_wide = workspace_of.workspace, workspace_of.org_wide
    return {
        "app_id": world.app.app_id,
        "team": None if org_wide else {"id": workspace.team_id, "name": workspace.name},
        "enterprise": {"id": workspace.enterprise_id, "name": workspace.enterprise_name}
        if workspace.enterprise_id
        else None,
        "is_enterprise_install": org_wide,
    }
