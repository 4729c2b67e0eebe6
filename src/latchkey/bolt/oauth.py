"""Finds what an app's OAuth settings say about installs, which this server runs for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.oauth_flow import OAuthFlow
from slack_sdk.oauth import OAuthStateUtils

from latchkey.bolt.naming import name_of
from latchkey.dispatch import InstallSettings

_SETTINGS: dict[str, tuple[str, Any]] = {
    "install_path": ("install.path", "/slack/install"),
    # Bolt's default is not ours, and is the redirect URL in the app's settings at Slack.
    "redirect_uri_path": ("install.callback_path", None),
    "install_page_rendering_enabled": ("install.page", True),
    "state_expiration_seconds": ("install.state_seconds", OAuthStateUtils.default_expiration_seconds),
    "success_url": ("install.success_url", None),
    "failure_url": ("install.failure_url", None),
    "authorization_url": ("slack.authorize_url", "https://slack.com/oauth/v2/authorize"),
}
"""By Bolt's names: ours, and the value that says nothing."""
_SCOPES = {"scopes": "slack.scopes", "user_scopes": "slack.user_scopes"}


def install_settings_of(app: Any) -> InstallSettings:
    """Return what the OAuth settings of an App or an AsyncApp say; nothing if it has none."""
    flow = app.oauth_flow
    if flow is None:
        return InstallSettings()
    settings = flow.settings
    values = {
        name: value
        for bolts_name, (name, nothing) in _SETTINGS.items()
        if (value := getattr(settings, bolts_name, nothing)) not in (nothing, "")
    }
    # If nothing is said about scopes, Bolt has a list of one empty scope.
    scopes = {name: [scope for scope in getattr(settings, key, None) or () if scope] for key, name in _SCOPES.items()}
    if any(scopes.values()):
        values |= scopes
    pages = frozenset(kind for kind in ("success", "failure") if handler_of(flow, kind) is not None)
    for kind in pages:
        values.pop(f"install.{kind}_url", None)  # only Bolt's own pages use it
    return InstallSettings(
        values=values,
        pages=pages,
        client_id=settings.client_id or "",
        redirect_uri=settings.redirect_uri or "",
        unused=tuple(_unused(flow)),
    )


def handler_of(flow: Any, kind: str) -> Any:
    """Return the author's handler for a "success" or a "failure"; None if it is Bolt's own."""
    handler = getattr(flow, f"{kind}_handler", None)
    default = getattr(getattr(flow, "default_callback_options", None), kind, None)
    return None if handler == default else handler


def _unused(flow: Any) -> Iterator[str]:
    """Yield what this server cannot take over, as the end of a sentence about the app."""
    if type(flow) not in (OAuthFlow, AsyncOAuthFlow):
        yield f"has an OAuth flow of its own ({name_of(type(flow))}), whose methods are not called"
    if not flow.settings.state_validation_enabled:
        yield "sets state_validation_enabled=False, but every state is checked"
    resolution = flow.settings.user_token_resolution
    if resolution != "authed_user":
        yield f"sets user_token_resolution={resolution!r}, but user_token is always the acting person's"
