"""The Web API methods that create and change the app by its manifest, and rotate configuration tokens.

Each takes the world, the arguments and the value of the token in the call ("" if there is none), and returns
the fields of an `ok: true` response or raises `ApiError` with Slack's error code.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from latchkey.simulator.model import World
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested

_KEYS = {
    "": frozenset(
        {
            "_metadata", "display_information", "external_auth_providers", "features", "functions", "mcp_servers",
            "oauth_config", "outgoing_domains", "settings",
        }
    ),
    "features": frozenset(
        {
            "agent_view", "app_home", "bot_user", "rich_previews", "shortcuts", "slash_commands", "unfurl_domains",
            "workflow_steps",
        }
    ),
}  # fmt: skip
"""The keys that a new app's manifest may have at its top and in `features`."""


def rotate(world: World, arguments: Arguments, value: str) -> Document:
    """Exchange a refresh token for a new pair.

    https://docs.slack.dev/reference/methods/tooling.tokens.rotate
    """
    return world.configuration_tokens.rotate(str(arguments.get("refresh_token")))


def create(world: World, arguments: Arguments, value: str) -> Document:
    """Make a manifest's app the one of this Slack, with new credentials.

    https://docs.slack.dev/reference/methods/apps.manifest.create
    """
    manifest = _checked_manifest(world, arguments, value)
    client_id = f"{secrets.randbelow(10**10):010d}.{secrets.randbelow(10**10):010d}"
    world.app = replace(
        world.app, client_id=client_id, client_secret=secrets.token_hex(16), signing_secret=secrets.token_hex(16)
    )
    _configure(world, manifest)
    return {
        "app_id": world.app.app_id,
        "credentials": {
            "client_id": client_id,
            "client_secret": world.app.client_secret,
            "verification_token": secrets.token_hex(12),
            "signing_secret": world.app.signing_secret,
        },
        "oauth_authorize_url": f"https://slack.com/oauth/v2/authorize?client_id={client_id}",
    }


def validate(world: World, arguments: Arguments, value: str) -> Document:
    """https://docs.slack.dev/reference/methods/apps.manifest.validate"""
    _checked_manifest(world, arguments, value)
    return {"errors": []}


def export(world: World, arguments: Arguments, value: str) -> Document:
    """https://docs.slack.dev/reference/methods/apps.manifest.export"""
    world.configuration_tokens.authenticate(value)
    _check_app(world, arguments)
    return {"manifest": copy.deepcopy(world.manifest)}


def update(world: World, arguments: Arguments, value: str) -> Document:
    """https://docs.slack.dev/reference/methods/apps.manifest.update"""
    manifest = _checked_manifest(world, arguments, value)
    _check_app(world, arguments)
    changed = _scopes(manifest) != _scopes(world.manifest)
    _configure(world, manifest)
    return {"app_id": world.app.app_id, "permissions_updated": changed}


MANIFEST_METHODS: dict[str, Callable[[World, Arguments, str], Document]] = {
    "apps.manifest.create": create,
    "apps.manifest.export": export,
    "apps.manifest.update": update,
    "apps.manifest.validate": validate,
    "tooling.tokens.rotate": rotate,
}
"""By Slack's names."""


def _check_app(world: World, arguments: Arguments) -> None:
    if arguments.get("app_id") != world.app.app_id:
        raise ApiError("invalid_app_id")


def _checked_manifest(world: World, arguments: Arguments, value: str) -> dict[str, Any]:
    world.configuration_tokens.authenticate(value)
    manifest = nested(arguments.get("manifest"))
    if not isinstance(manifest, dict):
        raise ApiError("invalid_manifest", errors=[{"message": "Must be an object", "pointer": "/"}])
    if errors := [{"message": message, "pointer": pointer} for pointer, message in _faults(manifest)]:
        raise ApiError("invalid_manifest", errors=errors)
    return manifest


def _faults(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the message of the errors that an app like this can make."""
    for section, keys in _KEYS.items():
        part = manifest.get(section) or {} if section else manifest
        yield from (
            (f"/{section}" if section else "/", f"Must not have additional property: {key}")
            for key in part
            if key not in keys
        )
    if not 0 < len((manifest.get("display_information") or {}).get("name") or "") <= 35:
        yield "/display_information/name", "Must be 1 to 35 characters"
    settings = manifest.get("settings") or {}
    subscriptions, interactivity = settings.get("event_subscriptions") or {}, settings.get("interactivity") or {}
    if subscriptions.get("bot_events") and not subscriptions.get("request_url"):
        yield "/settings/event_subscriptions", "Event Subscription requires either Request URL or Socket Mode Enabled"
    if interactivity.get("is_enabled") and not interactivity.get("request_url"):
        yield "/settings/interactivity", "Interactivity requires a Request URL"
    if manifest.get("functions") and not settings.get("org_deploy_enabled"):
        yield "/functions", "Functions require org_deploy_enabled"


def _scopes(manifest: dict[str, Any]) -> Any:
    return (manifest.get("oauth_config") or {}).get("scopes")


def _configure(world: World, manifest: dict[str, Any]) -> None:
    """Configure the app as its manifest says."""
    oauth, settings = manifest.get("oauth_config") or {}, manifest.get("settings") or {}
    scopes = oauth.get("scopes") or {}
    world.manifest = copy.deepcopy(manifest)
    world.app = replace(
        world.app,
        name=manifest["display_information"]["name"],
        redirect_uris=tuple(oauth.get("redirect_urls") or ()),
        events_url=(settings.get("event_subscriptions") or {}).get("request_url") or world.app.events_url,
        token_rotation=bool(settings.get("token_rotation_enabled")) or world.app.token_rotation,
        bot_optional=tuple(scopes.get("bot_optional") or ()),
        user_optional=tuple(scopes.get("user_optional") or ()),
    )
