"""Implements Allow and Cancel of the consent page.

Invariant: the redirect URI must equal a configured one exactly, so no code is ever sent elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from latchkey.simulator.model import CODE_SECONDS, Grant, World
from latchkey.simulator.workspaces import SimulatedWorkspace


class ConsentRefused(Exception):
    """Slack would show an error page instead of the consent page. The message is Slack's error code."""


def check_request(world: World, query: Mapping[str, str]) -> None:
    """Raise ConsentRefused if Slack would not show the consent page for this query."""
    if query.get("client_id") != world.app.client_id:
        raise ConsentRefused("invalid_client_id")
    if query.get("redirect_uri") not in world.app.redirect_uris:
        raise ConsentRefused("bad_redirect_uri")
    if not query.get("scope") and not query.get("user_scope"):
        raise ConsentRefused("invalid_scope")


def approve(
    world: World,
    query: Mapping[str, str],
    workspace: SimulatedWorkspace,
    user_id: str,
    *,
    org_wide: bool = False,
    declined: Collection[str] = (),
) -> str:
    """Return the callback URL with a new code.

    `declined`: the optional scopes that the person does not grant; each must be one of the app's optional scopes.
    https://docs.slack.dev/changelog/2026/03/16/optional-scopes

    Raises ConsentRefused; ValueError if a declined scope is not optional.
    """
    check_request(world, query)
    if required := set(declined) - {*world.app.bot_optional, *world.app.user_optional}:
        raise ValueError(f"not optional: {', '.join(sorted(required))}")
    if org_wide and workspace.enterprise_id is None:
        raise ConsentRefused("org_login_required")
    code = f"{secrets.randbelow(10**12)}.{secrets.token_hex(24)}"
    world.grants[code] = Grant(
        workspace,
        user_id,
        query["redirect_uri"],
        _granted(query.get("scope", ""), set(declined) & set(world.app.bot_optional)),
        _granted(query.get("user_scope", ""), set(declined) & set(world.app.user_optional)),
        org_wide,
        world.clock() + CODE_SECONDS,
    )
    return _callback(query, {"code": code})


def cancel(world: World, query: Mapping[str, str]) -> str:
    """Return the callback URL with `error=access_denied`. Raises ConsentRefused."""
    check_request(world, query)
    return _callback(query, {"error": "access_denied"})


def _granted(scopes: str, declined: Collection[str]) -> str:
    return ",".join(scope for scope in scopes.split(",") if scope not in declined)


def _callback(query: Mapping[str, str], result: dict[str, str]) -> str:
    return f"{query['redirect_uri']}?{urlencode({**result, 'state': query.get('state', '')})}"
