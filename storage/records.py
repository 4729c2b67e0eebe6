"""Encrypted records: the key-value interface, with values sealed when written and opened when read.

Invariant: every value that reaches the engine was sealed for exactly the table
and id under which it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from latchkey.errors import UnreadableRecord
from latchkey.storage.crypto import Sealer
from latchkey.storage.engine import ANYTHING, Change, IdSet, KeyValue

PAGE = 500
"""Records read at a time when going through a table, or through all ids with one prefix."""

MAX_ATTEMPTS = 5
"""Attempts of a commit whose records are re-encrypted meanwhile; a rotation does that once per record."""


class Stored(NamedTuple):
    """A record as it was read: its value, and the sealed bytes, with which a later change is compared."""

    record_id: str
    value: Any
    sealed: bytes


class Records:
    """All encrypted tables of one store."""

    def __init__(self, engine: KeyValue, sealer: Sealer) -> None:
        self.engine = engine
        """For ids without values, and for counting."""
        self._sealer = sealer

    def read(self, table: str, record_id: str) -> Stored | None:
        """Return the record or None; raises UnreadableRecord or StoreUnavailable."""
        sealed = self.engine.get(table, record_id)
        if sealed is None:
            return None
        return Stored(record_id, self._sealer.open(table, record_id, sealed), sealed)

    def holds(self, table: str, record_id: str) -> bool:
        """Whether the record exists, readable or not."""
        return self.engine.get(table, record_id) is not None

    def put(self, table: str, record_id: str, value: Any) -> Change:
        """Return the change that stores `value`, whatever the record's present value."""
        return Change(table, record_id, self._sealer.seal(table, record_id, value))

    def replace(self, table: str, stored: Stored | None, record_id: str, value: Any) -> Change:
        """Return the change that stores `value` if the record is still what was read (None: absent)."""
        expected = None if stored is None else stored.sealed
        return Change(table, record_id, self._sealer.seal(table, record_id, value), expected)

    def remove(self, table: str, stored: Stored) -> Change:
        """Return the change that deletes the record if it is still what was read."""
        return Change(table, stored.record_id, None, stored.sealed)

    def discard(self, table: str, record_id: str) -> Change:
        """Return the change that deletes the record, whatever its value, readable or not."""
        return Change(table, record_id, None, ANYTHING)

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        """Apply all changes and ids, or none; False if a record is no longer what was read.

        A record that a rotation has re-encrypted meanwhile counts as unchanged.
        """
        for _ in range(MAX_ATTEMPTS):
            if self.engine.commit(changes, ids):
                return True
            rebased = [self._rebased(change) for change in changes]
            if rebased == list(changes):
                return False
            changes = rebased
        return False

    def _rebased(self, change: Change) -> Change:
        """Return the change for the record's present bytes, if these are the same value re-encrypted."""
        if not isinstance(change.expected, bytes):
            return change
        found = self.engine.get(change.table, change.record_id)
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
        """Return the next records, ordered by id; an unreadable one is represented by its error."""
        found: list[Stored | UnreadableRecord] = []
        for record_id, sealed in self.engine.scan(table, prefix=prefix, after=after, limit=limit):
            try:
                found.append(Stored(record_id, self._sealer.open(table, record_id, sealed), sealed))
            except UnreadableRecord as error:
                found.append(error)
        return found

    def all(self, table: str, *, prefix: str = "") -> Iterator[Stored | UnreadableRecord]:
        """Go through all records with this prefix, a page at a time: a long read would block checkpoints."""
        after = ""
        while page := self.page(table, prefix=prefix, after=after):
            yield from page
            after = page[-1].record_id

    def ids(self, table: str, *, prefix: str = "") -> Iterator[str]:
        """Yield the ids of all records with this prefix, a page at a time, without decrypting them."""
        after = ""
        while page := self.engine.scan(table, prefix=prefix, after=after, limit=PAGE):
            yield from (row.record_id for row in page)
            after = page[-1].record_id
