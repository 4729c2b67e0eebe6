"""Splits an installation into the records of its bot and its installer, and joins them again.

Invariant: each token is stored once. The bot's fields are in the workspace's
one bot record and nowhere else, so that every user's installation comes with
the latest bot token, and an uninstall leaves no copy behind.
"""

from __future__ import annotations

from typing import Any

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.storage.installations.cache import UserToken

_BOT_FIELDS = ("bot_token", "bot_id", "bot_user_id", "bot_scopes", "bot_refresh_token", "bot_token_expires_at")
_INSTALLER_FIELDS = (
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
_USER_TOKEN_FIELDS = ("user_token", "user_scopes", "user_refresh_token", "user_token_expires_at")
_BOT_RECORD = (
    "app_id",
    "enterprise_id",
    "enterprise_name",
    "team_id",
    "team_name",
    *_BOT_FIELDS,
    "is_enterprise_install",
    "installed_at",
    "custom_values",
)

Value = dict[str, Any]


def bot_value(bot: Bot, before: Value | None = None) -> Value:
    """Return the value of a bot's record, given its value `before`; the scopes granted earlier are kept."""
    return _with_earlier_scopes(_fields(bot, _BOT_RECORD), before, "bot_scopes")


def bot_from(value: Value) -> Bot:
    return Bot(**value)


def installer_value(installation: Installation, before: Value | None) -> Value:
    """Return the value of an installer's record, given its value `before`.

    An installation without a user token keeps the earlier token: Slack has not revoked it, and after
    a refresh Bolt saves another user's installation without its token. Scopes granted earlier are kept.
    """
    value = _fields(installation, _INSTALLER_FIELDS)
    if before is not None and value["user_token"] is None:
        return with_user_token_of(before, value)
    return _with_earlier_scopes(value, before, "user_scopes")


def with_user_token_of(before: Value, value: Value) -> Value:
    """Return the value of an installer's record with the user token of another one."""
    return {**value, **{name: before[name] for name in _USER_TOKEN_FIELDS}}


def without_user_token(value: Value) -> Value:
    return {**value, **dict.fromkeys(_USER_TOKEN_FIELDS), "user_scopes": []}


def user_token_from(value: Value) -> UserToken | None:
    """Return the token in an installer's record, or None."""
    token = value["user_token"]
    return None if token is None else UserToken(value["user_id"], token, value["user_token_expires_at"])


def installation_from(installer: Value, bot: Value | None) -> Installation:
    """Return slack_sdk's Installation: the installer, with the workspace's latest bot merged in."""
    bot_fields = {name: bot[name] for name in _BOT_FIELDS} if bot is not None else {}
    return Installation(**installer, **bot_fields)


def _with_earlier_scopes(value: Value, before: Value | None, name: str) -> Value:
    """Add the scopes of the record before.

    An install adds scopes to a token, whichever it requests, and only a revocation takes them away, which deletes the
    record (docs.slack.dev, "Installing with OAuth").
    """
    if before is None or (before["app_id"] and value["app_id"] and before["app_id"] != value["app_id"]):
        return value
    return {**value, name: list(dict.fromkeys([*value[name], *before[name]]))}


def _fields(model: Bot | Installation, names: tuple[str, ...]) -> Value:
    value = {name: getattr(model, name) for name in names}
    for name, item in value.items():
        if name.endswith("_scopes"):
            value[name] = list(item or ())
    return value
