"""Previews a restore: compares the current store with a backup.

Invariant: both files are only read, and the result contains the owners and
dates of installations, never a token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from latchkey.errors import StoreError, UnreadableRecord
from latchkey.storage.crypto import Keyring, Sealer
from latchkey.storage.engine import ReadOnlyKeyValue, acting_as_owner_of, check_is_store
from latchkey.storage.inbox import EventAdmin
from latchkey.storage.installations import ids_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS, TABLES

MAX_CHANGES = 1000
"""Changes that are listed; all are counted."""

Found = Stored | UnreadableRecord


class ChangeKind(StrEnum):
    """What a restore does to a bot or a user's installation."""

    LOST = "lost"
    """It is in the store and not in the backup."""
    OLDER = "older"
    """The backup has an older version of it."""
    RESTORED = "restored"
    """It is in the backup and not in the store."""


class RestoreChange(NamedTuple):
    """A bot or a user's installation that differs between the store and the backup."""

    kind: ChangeKind
    of: str
    """"bot" or "user"."""
    team_id: str
    enterprise_id: str
    app_id: str | None
    user_id: str | None
    installed_at: float | None
    """In the store, in Unix seconds; None if it is not there."""
    installed_at_in_backup: float | None


@dataclass
class RestorePreview:
    """What a restore would change."""

    problem: str = ""
    """Why the current store cannot be read, so that only `events_restored` is known; empty if it can be read."""
    counts: Counter[ChangeKind] = field(default_factory=lambda: Counter(dict.fromkeys(ChangeKind, 0)))
    changes: list[RestoreChange] = field(default_factory=list)
    """The first MAX_CHANGES."""
    events_lost: int = 0
    """Unfinished events in the store."""
    events_restored: int = 0
    """Unfinished events in the backup."""


def preview_restore(store_path: Path, backup_store: Path, keys: Keyring) -> RestorePreview:
    """Compare the store's file with the one in a backup; raises StoreError if the backup cannot be read."""

    def compare(then: Records, preview: RestorePreview) -> None:
        check_is_store(store_path)
        with closing(ReadOnlyKeyValue(store_path, TABLES)) as current:
            _compare(Records(current, Sealer(keys)), then, preview)
            current.check_unchanged()

    return _preview(backup_store, keys, compare, store_path)


def preview_restore_into(records: Records, backup_store: Path, keys: Keyring) -> RestorePreview:
    """The same for an open store."""
    return _preview(backup_store, keys, partial(_compare, records), "the store")


def _preview(
    backup_store: Path, keys: Keyring, compare: Callable[[Records, RestorePreview], None], store: object
) -> RestorePreview:
    preview = RestorePreview()
    with acting_as_owner_of(backup_store):
        snapshot = ReadOnlyKeyValue(backup_store, TABLES)
    with closing(snapshot):
        then = Records(snapshot, Sealer(keys))
        preview.events_restored = sum(1 for _ in EventAdmin(then).all())
        try:
            compare(then, preview)
        except StoreError as error:
            return RestorePreview(problem=str(error), events_restored=preview.events_restored)
        except OSError as error:
            return RestorePreview(problem=f"{store}: {error.strerror}", events_restored=preview.events_restored)
    return preview


def _compare(now: Records, then: Records, preview: RestorePreview) -> None:
    preview.events_lost = sum(1 for _ in EventAdmin(now).all())
    for table, of in ((INSTALLATIONS, "user"), (BOTS, "bot")):
        for ours, theirs in _pairs(now.all(table), then.all(table)):
            kind = _kind(ours, theirs)
            if kind is not None:
                preview.counts[kind] += 1
                if len(preview.changes) < MAX_CHANGES:
                    preview.changes.append(_change(kind, of, ours, theirs))


def _pairs(now: Iterator[Found], then: Iterator[Found]) -> Iterator[tuple[Found | None, Found | None]]:
    """Yield the records of two tables in the order of their ids, those with the same id together."""
    ours, theirs = next(now, None), next(then, None)
    while ours is not None or theirs is not None:
        first = min(_order(item) for item in (ours, theirs) if item is not None)
        mine = ours if ours is not None and _order(ours) == first else None
        other = theirs if theirs is not None and _order(theirs) == first else None
        yield mine, other
        ours = next(now, None) if mine is not None else ours
        theirs = next(then, None) if other is not None else theirs


def _order(item: Found) -> bytes:
    return item.record_id.encode("utf-8", "surrogateescape")  # SQLite's order


def _kind(ours: Found | None, theirs: Found | None) -> ChangeKind | None:
    """Return the change from ours to theirs, or None; an unreadable record counts as absent."""
    mine, other = _value(ours), _value(theirs)
    if mine == other:
        return None
    if other is None:
        return ChangeKind.LOST
    return ChangeKind.RESTORED if mine is None else ChangeKind.OLDER


def _value(item: Found | None) -> dict[str, Any] | None:
    return item.value if isinstance(item, Stored) else None


def _change(kind: ChangeKind, of: str, ours: Found | None, theirs: Found | None) -> RestoreChange:
    item = ours or theirs
    assert item is not None
    mine, other = _value(ours) or {}, _value(theirs) or {}
    enterprise_id, team_id, user_id = ids_in(item.record_id)
    return RestoreChange(
        kind=kind,
        of=of,
        team_id=team_id,
        enterprise_id=enterprise_id,
        app_id=mine.get("app_id") or other.get("app_id"),
        user_id=user_id or None,
        installed_at=mine.get("installed_at"),
        installed_at_in_backup=other.get("installed_at"),
    )
