"""What the arguments of slack_sdk's `api_call` say about a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fields_of(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the dicts with the arguments of Slack's method: its URL parameters, its JSON and its form."""
    parts = (arguments.get(name) for name in ("params", "json", "data"))
    return [part for part in parts if isinstance(part, dict)]


def has_own_token(arguments: Mapping[str, Any]) -> bool:
    """Whether the caller has chosen who acts, such as with `token=`. No other token may then replace that one.

    Ask before the call: slack_sdk removes the token from the arguments.
    """
    if arguments.get("auth") is not None or any(
        name.lower() == "authorization" for name in arguments.get("headers") or ()
    ):
        return True
    return any(fields.get("token") is not None for fields in fields_of(arguments))
