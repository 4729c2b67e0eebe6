"""Compares the manifest that this app needs with the one that Slack has.

Only fields that `make_manifest` writes are compared; others, such as colours, are the author's choice.
Lists are compared in both directions, so that a command without a listener is found as well as a
missing one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LISTS: Mapping[str, str | None] = {
    "features.slash_commands": "command",
    "features.shortcuts": "callback_id",
    "oauth_config.redirect_urls": None,
    "oauth_config.scopes.bot": None,
    "oauth_config.scopes.bot_optional": None,
    "oauth_config.scopes.user": None,
    "oauth_config.scopes.user_optional": None,
    "settings.event_subscriptions.bot_events": None,
    "settings.event_subscriptions.user_events": None,
}
"""The lists that `make_manifest` writes, each with the field that identifies an object in it, if any."""


class ManifestDifference(NamedTuple):
    """One value that differs; None means that it is missing on that side."""

    path: str
    here: Any
    slack: Any

    def __str__(self) -> str:
        if self.slack is None:
            return f"{self.path}: missing at Slack: {_shown(self.here)}"
        if self.here is None:
            return f"{self.path}: only at Slack: {_shown(self.slack)}"
        return f"{self.path}: {_shown(self.slack)} at Slack, {_shown(self.here)} here"


def differences(here: Mapping[str, Any], slack: Mapping[str, Any]) -> list[ManifestDifference]:
    """Return all differences, in the order of `here`."""
    return [*_compare("", here, slack), *_only_at_slack(here, slack)]


def _compare(path: str, here: Mapping[str, Any], slack: object) -> Iterator[ManifestDifference]:
    theirs = slack if isinstance(slack, Mapping) else {}
    for name, value in here.items():
        inner = f"{path}.{name}" if path else name
        found = theirs.get(name)
        if inner in LISTS:
            yield from _compare_lists(inner, value, found)
        elif isinstance(value, Mapping):
            yield from _compare(inner, value, found)
        elif value != found and (value or found):  # a missing value and false mean the same
            yield ManifestDifference(inner, value, found)


def _only_at_slack(here: Mapping[str, Any], slack: Mapping[str, Any]) -> Iterator[ManifestDifference]:
    """Compare the lists that are missing here."""
    for path in LISTS:
        if _at(here, path) is None:
            yield from _compare_lists(path, [], _at(slack, path))


def _compare_lists(path: str, here: list[Any], slack: object) -> Iterator[ManifestDifference]:
    field = LISTS[path]
    ours, theirs = _by_name(here, field), _by_name(slack if isinstance(slack, list) else [], field)
    for name, item in ours.items():
        if name not in theirs:
            yield ManifestDifference(path, name, None)
        elif field is not None:
            yield from _compare(f"{path}[{name}]", item, theirs[name])
    yield from (ManifestDifference(path, None, name) for name in theirs if name not in ours)


def _by_name(items: list[Any], field: str | None) -> dict[str, Any]:
    if field is None:
        return {str(item): item for item in items}
    return {str(item.get(field)): item for item in items if isinstance(item, Mapping)}


def _at(document: object, path: str) -> object:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value).lower()
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= 200 else printable[:199] + "…"
