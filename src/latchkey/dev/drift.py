"""Says in one line each how a new version of the app needs another manifest at Slack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from latchkey.slackapi.manifest import differences

_NAMES = {
    "features.slash_commands": "command",
    "features.shortcuts": "shortcut",
    "oauth_config.scopes.bot": "scope",
    "oauth_config.scopes.bot_optional": "optional scope",
    "oauth_config.scopes.user": "user scope",
    "oauth_config.scopes.user_optional": "optional user scope",
    "settings.event_subscriptions.bot_events": "event",
    "settings.event_subscriptions.user_events": "event for people",
}


def drift(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield what was added to the manifest (+), removed from it (-) or changed in it (~)."""
    for path, new, old in differences(after, before):
        name = _NAMES.get(path, path)
        if old is None:
            yield f"+ {name} {new}"
        elif new is None:
            yield f"- {name} {old}"
        else:
            yield f"~ {name}: {new}, was {old}"


def scopes_differ(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether an installation must be made anew."""
    return bool(before["oauth_config"]["scopes"] != after["oauth_config"]["scopes"])
