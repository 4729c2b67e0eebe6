"""Compares the manifest that this app needs with the one that Slack has.

Only what Latchkey manages is compared. Lists are compared in both directions, so that a command without a listener is
found as well as a missing one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from latchkey.slackapi.manifest.managed import AGENT_VIEW, HOME_TAB, PATHS, Key, managed_values

MAX_SHOWN = 200


class ManifestDifference(NamedTuple):
    """One value that differs; None means that it is missing on that side."""

    path: str
    here: Any
    slack: Any

    def __str__(self) -> str:
        if self.slack is None:
            return f"{self.path}: missing at Slack: {shown(self.here)}"
        if self.here is None:
            return f"{self.path}: only at Slack: {shown(self.slack)}"
        return f"{self.path}: {shown(self.slack)} at Slack, {shown(self.here)} here"


def differences(here: Mapping[str, Any], slack: Mapping[str, Any]) -> list[ManifestDifference]:
    """Return all differences between the managed values, in the order of PATHS."""
    ours, theirs = managed_values(here), managed_values(slack)
    return [ManifestDifference(str(key), ours.get(key), theirs.get(key)) for key in differing_keys(ours, theirs)]


def differing_keys(ours: Mapping[Key, Any], theirs: Mapping[Key, Any], removed: Container[Key] = ()) -> list[Key]:
    """Return the keys of the values that differ, in the order of PATHS.

    A field that only Slack has counts if it is among `removed`: those that Latchkey wrote once and no longer needs.
    """
    found = [key for key, value in ours.items() if not same(value, theirs.get(key)) and _is_comparable(key, theirs)]
    found += [key for key in theirs if key not in ours and (_is_item(key) or key in removed)]
    return sorted(found, key=lambda key: PATHS.index(key.path))


def same(one: object, other: object) -> bool:
    """Whether two values mean the same; a missing one and false do."""
    return one == other or not (one or other)


def shown(value: object) -> str:
    """Return a value from Slack as a short line."""
    text = value if isinstance(value, str) else str(value).lower()
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= MAX_SHOWN else printable[: MAX_SHOWN - 1] + "…"


def _is_comparable(key: Key, theirs: Mapping[Key, Any]) -> bool:
    """A field of an item that Slack lacks is reported with the item, and the Home tab of an agent is the author's."""
    if key.path == HOME_TAB:
        return Key(AGENT_VIEW) not in theirs
    return not key.field or Key(key.path, key.item) in theirs


def _is_item(key: Key) -> bool:
    return bool(key.item) and not key.field
