"""What all sources of installations have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.storage.installations.moving.incoming import IncomingWorkspace

TEXTS = (
    "app_id",
    "enterprise_id",
    "enterprise_name",
    "enterprise_url",
    "team_id",
    "team_name",
    "bot_token",
    "bot_id",
    "bot_user_id",
    "bot_refresh_token",
    "user_id",
    "user_token",
    "user_refresh_token",
    "incoming_webhook_url",
    "incoming_webhook_channel",
    "incoming_webhook_channel_id",
    "incoming_webhook_configuration_url",
    "token_type",
)
MAX_SECONDS = 1e11
"""Later times are milliseconds, or nonsense."""
_NUMBER = re.compile(r"\d+(\.\d*)?")
BOT_FIELDS = frozenset(
    (
        *("app_id", "enterprise_id", "enterprise_name", "team_id", "team_name", "bot_token", "bot_id", "bot_user_id"),
        *("bot_scopes", "bot_refresh_token", "bot_token_expires_at", "is_enterprise_install", "installed_at"),
        "custom_values",
    )
)


class Damaged(NamedTuple):
    """A part of a source that cannot be read."""

    where: str
    """The file, or the table and the id of its row."""
    reason: str
    """Why, without any content."""


class Source(Protocol):
    """Installations that another program has stored. It is only read."""

    kind: str
    """What it is, for people."""
    advice: Sequence[str]
    """How to destroy the plain tokens in it, once the move is done."""

    def count(self) -> int:
        """Return about how many workspaces it has."""

    def workspaces(self) -> Iterator[IncomingWorkspace | Damaged]:
        """Yield each workspace with the newest of its history, and each part that cannot be read.

        A workspace may be yielded in several parts. Raises SourceError if nothing more can be read.
        """

    def close(self) -> None:
        """Close its files."""


def installation_of(fields: Mapping[str, Any]) -> Installation:
    """Return an installation with these fields of slack_sdk's Installation; raises ValueError, which shows no value."""
    checked = _checked(fields)
    if not checked["user_id"]:
        raise ValueError("user_id is missing")
    return Installation(**checked)


def bot_of(fields: Mapping[str, Any]) -> Bot:
    """Return a bot with these fields of slack_sdk's Bot; raises ValueError, which shows no value."""
    checked = {name: value for name, value in _checked(fields).items() if name in BOT_FIELDS}
    if not checked["bot_token"]:
        raise ValueError("bot_token is missing")
    return Bot(**checked)


def unix_seconds(value: object) -> float | None:
    """Return a time as Unix seconds: a number, a date, or its text in ISO 8601, which is UTC if it names no zone."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, str | int | float) and 0 <= (seconds := float(value)) < MAX_SECONDS:
            return seconds
    except (ValueError, OverflowError):
        pass
    raise ValueError("a time is neither a number of seconds nor a date")


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name in TEXTS:
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is not text")
        checked[name] = value or None
    for half in ("bot", "user"):
        checked[f"{half}_scopes"] = _scopes(f"{half}_scopes", fields.get(f"{half}_scopes"))
        expires = unix_seconds(fields.get(f"{half}_token_expires_at"))
        checked[f"{half}_token_expires_at"] = None if expires is None else int(expires)
    installed = unix_seconds(fields.get("installed_at"))
    if installed is None:
        raise ValueError("installed_at is missing")
    if not (checked["team_id"] or checked["enterprise_id"]):
        raise ValueError("it names neither a workspace nor an org")
    custom = fields.get("custom_values")
    return {
        **checked,
        "installed_at": installed,
        "is_enterprise_install": _flag(fields.get("is_enterprise_install")),
        "custom_values": custom if isinstance(custom, dict) else {},
    }


def _scopes(name: str, value: object) -> list[str]:
    if isinstance(value, str):
        return [scope.strip() for scope in value.split(",") if scope.strip()]
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return list(value)
    raise ValueError(f"{name} is not a list of scopes")


def _flag(value: object) -> bool:
    return value.lower() in ("1", "true") if isinstance(value, str) else bool(value)
