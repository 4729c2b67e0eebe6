"""What a restore would take and give: the store as it is, beside a backup of it.

Rule: what is told of an installation is whose it is and when it was installed,
never a token. Both files are read, and neither is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from latchkey.errors import StoreError, StoreRefused, UnreadableRecord
from latchkey.storage.crypto import Keyring, Sealer
from latchkey.storage.engine import Snapshot, check_is_store
from latchkey.storage.inbox import EventAdmin
from latchkey.storage.installations import ids_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, INSTALLATIONS

LISTED = 1000
"""Differences that are told one by one; all are counted."""

Found = Stored | UnreadableRecord


class Fate(StrEnum):
    """What a restore does to an installation."""

    LOST = "lost"
    """It is in the store, and not in the backup."""
    OLDER = "older"
    """The backup has an earlier one, or an earlier token of it."""
    BACK = "back"
    """It is in the backup, and not in the store."""


class Difference(NamedTuple):
    """A bot or a person's installation that is not the same in both."""

    fate: Fate
    of: str
    """"bot" or "user"."""
    team_id: str
    enterprise_id: str
    app_id: str | None
    user_id: str | None
    installed_at: float | None
    """Unix seconds, as the store has it; None where it has none."""
    in_backup: float | None
    """The same of the backup."""


@dataclass
class Comparison:
    """What a restore would change."""

    problem: str = ""
    """Why the store as it is cannot be read, and nothing can be said of what it would lose; empty where it can."""
    counts: Counter[Fate] = field(default_factory=lambda: Counter(dict.fromkeys(Fate, 0)))
    listed: list[Difference] = field(default_factory=list)
    """The first LISTED of them."""
    events_lost: int = 0
    """Events in the store that are not done."""
    events_back: int = 0
    """Events in the backup that were not done when it was made."""


def compare(store_path: Path, backup_store: Path, keys: Keyring) -> Comparison:
    """Compare the store with a backup's; raises StoreError where the backup cannot be read."""
    found = Comparison()
    sealer = Sealer(keys)
    with closing(Snapshot(backup_store)) as snapshot:
        then = Records(snapshot, sealer)
        found.events_back = sum(1 for _ in EventAdmin(then).all())
        try:
            check_is_store(store_path)
            with closing(Snapshot(store_path)) as current:
                _compare(Records(current, sealer), then, found)
                _refuse_moving(store_path, still=current.is_still)
        except StoreError as error:
            return Comparison(problem=str(error), events_back=found.events_back)
        except OSError as error:
            return Comparison(problem=f"{store_path}: {error.strerror}", events_back=found.events_back)
    return found


def _compare(now: Records, then: Records, found: Comparison) -> None:
    found.events_lost = sum(1 for _ in EventAdmin(now).all())
    for table, of in ((INSTALLATIONS, "user"), (BOTS, "bot")):
        for ours, theirs in _pairs(now.all(table), then.all(table)):
            fate = _fate(ours, theirs)
            if fate is not None:
                found.counts[fate] += 1
                if len(found.listed) < LISTED:
                    found.listed.append(_difference(fate, of, ours, theirs))


def _refuse_moving(store_path: Path, *, still: bool) -> None:
    """A file that was read as one that nobody writes, and that somebody has opened meanwhile, was read wrongly."""
    if still and store_path.with_name(store_path.name + "-wal").exists():
        raise StoreRefused(f"the store {store_path} was opened by another process meanwhile")


def _pairs(now: Iterator[Found], then: Iterator[Found]) -> Iterator[tuple[Found | None, Found | None]]:
    """Go through two tables side by side, in the order of their ids."""
    ours, theirs = next(now, None), next(then, None)
    while ours is not None or theirs is not None:
        first = min(_order(item) for item in (ours, theirs) if item is not None)
        mine = ours if ours is not None and _order(ours) == first else None
        other = theirs if theirs is not None and _order(theirs) == first else None
        yield mine, other
        ours = next(now, None) if mine is not None else ours
        theirs = next(then, None) if other is not None else theirs


def _order(item: Found) -> bytes:
    return item.record_id.encode("utf-8", "surrogateescape")  # as SQLite compares them


def _fate(ours: Found | None, theirs: Found | None) -> Fate | None:
    """A record that cannot be opened is worth as much as none."""
    mine, other = _value(ours), _value(theirs)
    if mine == other:
        return None
    if other is None:
        return Fate.LOST
    return Fate.BACK if mine is None else Fate.OLDER


def _value(item: Found | None) -> dict[str, Any] | None:
    return item.value if isinstance(item, Stored) else None


def _difference(fate: Fate, of: str, ours: Found | None, theirs: Found | None) -> Difference:
    item = ours or theirs
    assert item is not None
    mine, other = _value(ours) or {}, _value(theirs) or {}
    enterprise_id, team_id, user_id = ids_in(item.record_id)
    return Difference(
        fate=fate,
        of=of,
        team_id=team_id,
        enterprise_id=enterprise_id,
        app_id=mine.get("app_id") or other.get("app_id"),
        user_id=user_id or None,
        installed_at=mine.get("installed_at"),
        in_backup=other.get("installed_at"),
    )
