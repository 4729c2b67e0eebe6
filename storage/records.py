"""Sealed records: the key-value seam with every value sealed on its way in and opened on its way out.

Rule: nothing reaches an engine that has not been sealed for exactly the table
and id under which it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from latchkey.errors import UnreadableRecord
from latchkey.storage.crypto import Sealer
from latchkey.storage.engine import ANYTHING, Change, KeyValue, Marks

PAGE = 500
"""Records read at a time where all of a table, or all with one prefix, are gone through."""

ATTEMPTS = 5
"""How often a commit follows records that were sealed again; one rotation does that to a record once."""


class Stored(NamedTuple):
    """A record as it was read: its value, and the sealed bytes by which a later change is compared."""

    record_id: str
    value: Any
    sealed: bytes


class Records:
    """All sealed tables of one store."""

    def __init__(self, engine: KeyValue, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    def read(self, table: str, record_id: str) -> Stored | None:
        """Return the record or None; raises UnreadableRecord or StoreUnavailable."""
        sealed = self._engine.get(table, record_id)
        if sealed is None:
            return None
        return Stored(record_id, self._sealer.open(table, record_id, sealed), sealed)

    def holds(self, table: str, record_id: str) -> bool:
        """Whether there is such a record, be it one that cannot be opened."""
        return self._engine.get(table, record_id) is not None

    def put(self, table: str, record_id: str, value: Any) -> Change:
        """Return the change that stores `value`, whatever the record holds now."""
        return Change(table, record_id, self._sealer.seal(table, record_id, value))

    def replace(self, table: str, stored: Stored | None, record_id: str, value: Any) -> Change:
        """Return the change that stores `value` where the record is still what was read (None: absent)."""
        expected = None if stored is None else stored.sealed
        return Change(table, record_id, self._sealer.seal(table, record_id, value), expected)

    def remove(self, table: str, stored: Stored) -> Change:
        """Return the change that deletes the record where it is still what was read."""
        return Change(table, stored.record_id, None, stored.sealed)

    def discard(self, table: str, record_id: str) -> Change:
        """Return the change that deletes the record, whatever it holds and whether or not it can be opened."""
        return Change(table, record_id, None, ANYTHING)

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that have a record."""
        return self._engine.existing(table, record_ids)

    def count(self, table: str) -> int:
        return self._engine.count(table)

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        """Delete at most `limit` records that sort before this id; how many there were."""
        return self._engine.remove_before(table, record_id, limit)

    def commit(self, changes: Sequence[Change], marks: Marks | None = None) -> bool:
        """Apply all changes and marks or none; False where a record was no longer what had been read.

        A record that a rotation has sealed again meanwhile still is what had been read.
        """
        for _ in range(ATTEMPTS):
            if self._engine.commit(changes, marks):
                return True
            followed = [self._followed(change) for change in changes]
            if followed == list(changes):
                return False
            changes = followed
        return False

    def _followed(self, change: Change) -> Change:
        """Return the change with what its record holds now as expected, if that is the same value sealed again."""
        if not isinstance(change.expected, bytes):
            return change
        found = self._engine.get(change.table, change.record_id)
        if found is None or found == change.expected:
            return change
        try:
            before = self._sealer.open(change.table, change.record_id, change.expected)
            same = self._sealer.open(change.table, change.record_id, found) == before
        except UnreadableRecord:
            return change
        return change._replace(expected=found) if same else change

    def page(
        self, table: str, *, prefix: str = "", after: str = "", limit: int = PAGE
    ) -> list[Stored | UnreadableRecord]:
        """Return the next records in the order of their ids; one that cannot be opened stands as its error."""
        found: list[Stored | UnreadableRecord] = []
        for record_id, sealed in self._engine.scan(table, prefix=prefix, after=after, limit=limit):
            try:
                found.append(Stored(record_id, self._sealer.open(table, record_id, sealed), sealed))
            except UnreadableRecord as error:
                found.append(error)
        return found

    def all(self, table: str, *, prefix: str = "") -> Iterator[Stored | UnreadableRecord]:
        """Go through all records with this prefix, a page at a time, so that no reader stands still in the -wal."""
        after = ""
        while page := self.page(table, prefix=prefix, after=after):
            yield from page
            after = page[-1].record_id

    def ids(self, table: str, *, prefix: str = "") -> Iterator[str]:
        """Yield the ids of all records with this prefix, a page at a time, without decrypting them."""
        after = ""
        while page := self._engine.scan(table, prefix=prefix, after=after, limit=PAGE):
            yield from (row.record_id for row in page)
            after = page[-1].record_id
