"""What a commit compares and writes, table by table, in one order for all processes.

Invariant: two commits lock the same records in the same order, so they wait for each other only in one direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from latchkey.storage.engine.keyvalue import ANYTHING, Change, IdSet


@dataclass
class TablePlan:
    """The part of one table."""

    table: str
    expected: dict[bytes, bytes | None] = field(default_factory=dict)
    """What the compared records must be; None: absent."""
    written: dict[bytes, bytes | None] = field(default_factory=dict)
    """What the records become; None: deleted."""

    def holds(self, found: Mapping[bytes, bytes]) -> bool:
        """Whether the records that were found are what is expected."""
        return all(found.get(key) == value for key, value in self.expected.items())

    @property
    def inserted(self) -> list[tuple[bytes, bytes]]:
        """The new records that must be absent, by key."""
        return [pair for pair in self._stored() if self._must_be_absent(pair[0])]

    @property
    def put(self) -> list[tuple[bytes, bytes]]:
        """The other records that are stored, by key."""
        return [pair for pair in self._stored() if not self._must_be_absent(pair[0])]

    @property
    def deleted(self) -> list[bytes]:
        return sorted(key for key, value in self.written.items() if value is None)

    def _stored(self) -> list[tuple[bytes, bytes]]:
        return sorted((key, value) for key, value in self.written.items() if value is not None)

    def _must_be_absent(self, key: bytes) -> bool:
        return self.expected.get(key, b"") is None


def plan(changes: Sequence[Change], ids: IdSet | None) -> list[TablePlan] | None:
    """Return the plan; None if two changes expect different values of the same record.

    Of several changes of one record, the last one counts, as if they were applied one after another.
    """
    tables: dict[str, TablePlan] = {}
    for table, record_id, value, expected in changes:
        found = tables.setdefault(table, TablePlan(table))
        key = key_of(record_id)
        if expected is not ANYTHING and found.expected.setdefault(key, expected) != expected:
            return None
        found.written[key] = value
    if ids is not None:
        found = tables.setdefault(ids.table, TablePlan(ids.table))
        found.written |= dict.fromkeys(map(key_of, ids.record_ids), b"")
    return [tables[name] for name in sorted(tables)]


def key_of(record_id: str) -> bytes:
    """Return an id as the database stores it, including invalid UTF-8."""
    return record_id.encode("utf-8", "surrogateescape")


def id_of(key: bytes) -> str:
    """Return the id that `key_of` has encoded."""
    return key.decode("utf-8", "surrogateescape")


def end_of(prefix: bytes) -> bytes:
    """Return the first key after all that begin with `prefix`; UTF-8 has no byte 0xff that could overflow."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
