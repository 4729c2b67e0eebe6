"""The consent page's decision: what may be asked for, and the code that an approval gives.

Rule: a redirect URI must be one of those configured, to the letter; nobody is
ever sent to another one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from latchkey.simulator.model import CODE_SECONDS, Grant, Workspace, World


class Refused(Exception):
    """Slack shows an error page of its own; the message is the error code."""


def check_request(world: World, query: Mapping[str, str]) -> None:
    """Raise Refused where Slack would not even ask."""
    if query.get("client_id") != world.app.client_id:
        raise Refused("invalid_client_id")
    if query.get("redirect_uri") not in world.app.redirect_uris:
        raise Refused("bad_redirect_uri")
    if not query.get("scope") and not query.get("user_scope"):
        raise Refused("invalid_scope")


def approve(
    world: World, query: Mapping[str, str], workspace: Workspace, user_id: str, *, org_wide: bool = False
) -> str:
    """Return the callback URL with a new code."""
    check_request(world, query)
    if org_wide and workspace.enterprise_id is None:
        raise Refused("org_login_required")
    code = f"{secrets.randbelow(10**12)}.{secrets.token_hex(24)}"
    world.grants[code] = Grant(
        workspace,
        user_id,
        query["redirect_uri"],
        query.get("scope", ""),
        query.get("user_scope", ""),
        org_wide,
        world.clock() + CODE_SECONDS,
    )
    return _callback(query, {"code": code})


def cancel(world: World, query: Mapping[str, str]) -> str:
    """Return the callback URL that says no."""
    check_request(world, query)
    return _callback(query, {"error": "access_denied"})


def _callback(query: Mapping[str, str], answer: dict[str, str]) -> str:
    return f"{query['redirect_uri']}?{urlencode({**answer, 'state': query.get('state', '')})}"
