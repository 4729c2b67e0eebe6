"""Finds what an app's OAuth settings say, so that it can be compared with this server's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_bolt.oauth.async_callback_options import DefaultAsyncCallbackOptions
from slack_bolt.oauth.callback_options import DefaultCallbackOptions
from slack_sdk.oauth import OAuthStateUtils

_DEFAULTS: Mapping[str, Any] = {
    "scopes": (),
    "user_scopes": (),
    "install_path": "/slack/install",
    "install_page_rendering_enabled": True,
    "redirect_uri_path": "/slack/oauth_redirect",
    "callback_options": None,
    "success_url": None,
    "failure_url": None,
    "state_validation_enabled": True,
    "state_expiration_seconds": OAuthStateUtils.default_expiration_seconds,
    "user_token_resolution": "authed_user",
}
"""Bolt's names, and its defaults."""


def oauth_settings_of(app: Any) -> dict[str, Any]:
    """Return those of an app's OAuth settings that differ from Bolt's defaults; none without an OAuth flow."""
    settings = getattr(app.oauth_flow, "settings", None)
    if settings is None:
        return {}
    found = {name: getattr(settings, name, default) for name, default in _DEFAULTS.items()}
    if isinstance(found["callback_options"], DefaultCallbackOptions | DefaultAsyncCallbackOptions):
        found["callback_options"] = None
    for name in ("scopes", "user_scopes"):
        found[name] = tuple(scope for scope in found[name] or () if scope)  # without any, Bolt has one empty scope
    return {name: value for name, value in found.items() if value != _DEFAULTS[name]}
