"""Goes through a table of two stores at once, in the order of the ids, and makes the second one like the first.

Invariant: records are copied as they are, encrypted, and what is equal is not written. So a copy that is run
again writes only what is missing or has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from latchkey.storage.engine import Change, KeyValue
from latchkey.storage.rotation import pages

MAX_CHANGES = 500
"""Changes in one commit."""


class CopyCounts(NamedTuple):
    """What a walk has done."""

    records: int = 0
    """Records of the source."""
    written: int = 0
    deleted: int = 0


def copy_table(source: KeyValue, target: KeyValue, table: str) -> Iterator[CopyCounts]:
    """Make the target's table like the source's; yields the counts so far after each commit, and at the end."""
    counts, changes = CopyCounts(), list[Change]()
    for record_id, ours, theirs in _pairs(source, target, table):
        counts = counts._replace(records=counts.records + (ours is not None))
        if ours != theirs:
            changes.append(Change(table, record_id, ours))
            counts = counts._replace(
                written=counts.written + (ours is not None), deleted=counts.deleted + (ours is None)
            )
        if len(changes) == MAX_CHANGES:
            target.commit(changes)
            changes = []
            yield counts
    if changes:
        target.commit(changes)
    yield counts


def count_differences(source: KeyValue, target: KeyValue, table: str) -> int:
    """Return the number of records that are missing, different or superfluous in the target."""
    return sum(ours != theirs for _, ours, theirs in _pairs(source, target, table))


def _pairs(source: KeyValue, target: KeyValue, table: str) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Yield each id with its value in the source and in the target, None if it is absent."""
    ours, theirs = _rows(source, table), _rows(target, table)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield one[1], one[2], None
            one = next(ours, None)
        elif one is None or other[0] < one[0]:
            yield other[1], None, other[2]
            other = next(theirs, None)
        else:
            yield one[1], one[2], other[2]
            one, other = next(ours, None), next(theirs, None)


def _rows(engine: KeyValue, table: str) -> Iterator[tuple[bytes, str, bytes]]:
    """Yield the table's records: the bytes of the id, by which they are ordered, the id, and the value."""
    for page in pages(engine, table):
        for record_id, value in page:
            yield record_id.encode("utf-8", "surrogateescape"), record_id, value
