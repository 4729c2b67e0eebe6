"""An installation as records: what belongs to its bot, what to its installer, and how the two meet again.

Rule: each token is stored once. The bot's half lives in the workspace's one
bot record and nowhere else, so that a user's installation always comes with
the latest bot token, and an uninstall leaves no copy behind.
"""

from __future__ import annotations

from typing import Any

from slack_sdk.oauth.installation_store import Bot, Installation

_BOT_HALF = ("bot_token", "bot_id", "bot_user_id", "bot_scopes", "bot_refresh_token", "bot_token_expires_at")
_INSTALLER_HALF = (
    "app_id",
    "enterprise_id",
    "enterprise_name",
    "enterprise_url",
    "team_id",
    "team_name",
    "user_id",
    "user_token",
    "user_scopes",
    "user_refresh_token",
    "user_token_expires_at",
    "incoming_webhook_url",
    "incoming_webhook_channel",
    "incoming_webhook_channel_id",
    "incoming_webhook_configuration_url",
    "is_enterprise_install",
    "token_type",
    "installed_at",
    "custom_values",
)
_USER_TOKEN = ("user_token", "user_scopes", "user_refresh_token", "user_token_expires_at")
_BOT_ONLY = (
    "app_id",
    "enterprise_id",
    "enterprise_name",
    "team_id",
    "team_name",
    *_BOT_HALF,
    "is_enterprise_install",
    "installed_at",
    "custom_values",
)

Value = dict[str, Any]


def bot_value(bot: Bot) -> Value:
    """Return what is stored of a bot."""
    return _taken(bot, _BOT_ONLY)


def bot_from(value: Value) -> Bot:
    return Bot(**value)


def installer_value(installation: Installation, before: Value | None) -> Value:
    """Return what is stored of an installer, given what was stored `before`.

    An installation without a user token leaves the earlier one in place: Slack has not revoked it,
    and Bolt saves another user's installation without its token after a refresh.
    """
    value = _taken(installation, _INSTALLER_HALF)
    if before is not None and value["user_token"] is None:
        value.update({name: before[name] for name in _USER_TOKEN})
    return value


def without_user_token(value: Value) -> Value:
    return {**value, **dict.fromkeys(_USER_TOKEN), "user_scopes": []}


def installation_from(installer: Value, bot: Value | None) -> Installation:
    """Return slack_sdk's Installation: the installer's half, with the workspace's latest bot merged in."""
    half = {name: bot[name] for name in _BOT_HALF} if bot is not None else {}
    return Installation(**installer, **half)


def _taken(model: Bot | Installation, names: tuple[str, ...]) -> Value:
    value = {name: getattr(model, name) for name in names}
    for name, item in value.items():
        if name.endswith("_scopes"):
            value[name] = list(item or ())
    return value
