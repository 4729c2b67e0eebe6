"""What differs between the manifest that this app needs and the one that Slack has.

Rule: what we write is compared, and lists of ours are compared whole, so that a
command that nobody answers is found as well as one that is missing. What we
never write, such as colours, is the person's own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LISTS: Mapping[str, str | None] = {
    "features.slash_commands": "command",
    "features.shortcuts": "callback_id",
    "oauth_config.redirect_urls": None,
    "oauth_config.scopes.bot": None,
    "oauth_config.scopes.user": None,
    "settings.event_subscriptions.bot_events": None,
    "settings.event_subscriptions.user_events": None,
}
"""The lists of ours, and for lists of objects the field by which one is known."""


class Difference(NamedTuple):
    """One thing that is not the same; None: it is not there."""

    path: str
    here: Any
    slack: Any

    def __str__(self) -> str:
        if self.slack is None:
            return f"{self.path}: Slack lacks {_shown(self.here)}"
        if self.here is None:
            return f"{self.path}: only Slack has {_shown(self.slack)}"
        return f"{self.path}: {_shown(self.slack)} at Slack, {_shown(self.here)} here"


def differences(here: Mapping[str, Any], slack: Mapping[str, Any]) -> list[Difference]:
    """Return what differs, in the order of our manifest."""
    return [*_compared("", here, slack), *_left_over(here, slack)]


def _compared(path: str, here: Mapping[str, Any], slack: object) -> Iterator[Difference]:
    theirs = slack if isinstance(slack, Mapping) else {}
    for name, value in here.items():
        inner = f"{path}.{name}" if path else name
        found = theirs.get(name)
        if inner in LISTS:
            yield from _lists(inner, value, found)
        elif isinstance(value, Mapping):
            yield from _compared(inner, value, found)
        elif value != found and (value or found):  # absent and false are the same
            yield Difference(inner, value, found)


def _left_over(here: Mapping[str, Any], slack: Mapping[str, Any]) -> Iterator[Difference]:
    """What Slack has in lists that we have none of."""
    for path in LISTS:
        if _at(here, path) is None:
            yield from _lists(path, [], _at(slack, path))


def _lists(path: str, here: list[Any], slack: object) -> Iterator[Difference]:
    field = LISTS[path]
    ours, theirs = _by_name(here, field), _by_name(slack if isinstance(slack, list) else [], field)
    for name, item in ours.items():
        if name not in theirs:
            yield Difference(path, name, None)
        elif field is not None:
            yield from _compared(f"{path}[{name}]", item, theirs[name])
    yield from (Difference(path, None, name) for name in theirs if name not in ours)


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
