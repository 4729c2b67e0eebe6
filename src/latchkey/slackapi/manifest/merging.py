"""Merges the manifest that this app needs into the one that Slack has, so that what Latchkey does not manage is kept.

Three manifests are compared: the one that this app needs, the one that Slack has, and the one that Latchkey applied
last. What differs between the last two was changed at Slack by somebody else, and is a conflict.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from latchkey.errors import LatchkeyError
from latchkey.slackapi.manifest.app_manifest import Manifest
from latchkey.slackapi.manifest.diff import ManifestDifference, differing_keys, same
from latchkey.slackapi.manifest.managed import AGENT_VIEW, FUNCTIONS, LISTS, Key, managed_values, value_at

SECOND_VERSION = 2
"""The major version of the manifest's schema in which the parameters of functions are one level deeper."""


class ManifestChange(NamedTuple):
    """A managed value to change at Slack; None means that it is missing on that side."""

    key: Key
    here: Any
    slack: Any
    is_conflict: bool
    """Whether somebody has changed it at Slack since the last time that Latchkey applied the manifest."""

    def __str__(self) -> str:
        return str(ManifestDifference(str(self.key), self.here, self.slack))


def changes_between(
    here: Mapping[str, Any], slack: Mapping[str, Any], applied: Sequence[Mapping[str, Any]]
) -> list[ManifestChange]:
    """Return what has to change at Slack, in the order of PATHS.

    `applied` are the manifests that Latchkey may have applied last: two if it was stopped while it applied one. If
    there is none, each value that Slack has already is a conflict.
    """
    ours, theirs = managed_values(here), managed_values(slack)
    before = [managed_values(manifest) for manifest in applied] or [{}]
    removed = {key for values in before for key in values if key.path != AGENT_VIEW}
    return [
        ManifestChange(
            key,
            ours.get(key),
            theirs.get(key),
            not any(same(theirs.get(key), values.get(key)) for values in before),
        )
        for key in differing_keys(ours, theirs, removed)
    ]


def merged(here: Manifest, slack: Manifest, changes: Sequence[ManifestChange]) -> Manifest:
    """Return Slack's manifest with these changes. Raises LatchkeyError if it has another form than Slack documents."""
    result: Manifest = copy.deepcopy(slack)
    for change in changes:
        key = change.key
        if key.path in LISTS:
            _change_list(result, here, change)
        elif key.path == FUNCTIONS:
            _set(_parent(result, f"{FUNCTIONS}.any"), key.item, _function(here, result, key.item))
        else:
            _set(_parent(result, key.path), key.path.rpartition(".")[2], copy.deepcopy(value_at(here, key.path)))
    for path in (*LISTS, FUNCTIONS):
        if value_at(result, path) in ([], {}):  # Slack refuses some of them if they are empty
            del _parent(result, path)[path.rpartition(".")[2]]
    return result


def _change_list(result: Manifest, here: Manifest, change: ManifestChange) -> None:
    path, item, field = change.key
    parent, name = _parent(result, path), path.rpartition(".")[2]
    items = parent.setdefault(name, [])
    if not isinstance(items, list):
        raise _unexpected(path)
    identity = LISTS[path]
    if field:
        for found in items:
            if isinstance(found, dict) and str(found.get(identity)) == item:
                _set(found, field, change.here)
    elif change.here is None:
        parent[name] = [each for each in items if _name(each, identity) != item]
    else:
        items.append(copy.deepcopy(next(each for each in value_at(here, path) if _name(each, identity) == item)))


def _function(here: Manifest, slack: Manifest, name: str) -> Any:
    """Return the entry of a function in the form of Slack's manifest; None if it is not needed here."""
    entry = copy.deepcopy((here.get(FUNCTIONS) or {}).get(name))
    if entry is not None and value_at(slack, "_metadata.major_version") == SECOND_VERSION:
        for kind in ("input_parameters", "output_parameters"):
            entry[kind] = {"properties": entry[kind]}
    return entry


def _name(item: Any, identity: str) -> str:
    return str(item.get(identity) if identity and isinstance(item, Mapping) else item)


def _parent(document: Manifest, path: str) -> dict[str, Any]:
    """Return the object that has the last name of this path, and create it if it is missing."""
    found = document
    for name in path.split(".")[:-1]:
        inner = found.get(name)
        if inner is None:
            inner = found[name] = {}
        if not isinstance(inner, dict):
            raise _unexpected(path)
        found = inner
    return found


def _set(parent: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        parent.pop(name, None)
    else:
        parent[name] = value


def _unexpected(path: str) -> LatchkeyError:
    return LatchkeyError(
        f"the manifest at Slack has an unexpected form at {path}",
        hint="change it on the app's page at https://api.slack.com/apps, under App Manifest",
    )
