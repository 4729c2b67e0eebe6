"""The key-value interface between our records and the engine that stores them.

Invariant: nothing above this file knows which engine is below it. An engine has
tables of records; a record is an id (text) and a value (bytes). `engine.sqlite`
implements it for SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol


class _Anything(Enum):
    ANYTHING = "anything"


ANYTHING: Final = _Anything.ANYTHING
"""As `Change.expected`: whatever the record holds now, if it exists at all."""


class Change(NamedTuple):
    """One record's part in a commit."""

    table: str
    record_id: str
    value: bytes | None
    """The value to store; None deletes the record if it exists."""
    expected: bytes | _Anything | None = ANYTHING
    """The value that the record must have for the commit to happen; None: it must be absent."""


class IdSet(NamedTuple):
    """Ids to store with an empty value: only their presence matters."""

    table: str
    record_ids: Sequence[str]


class Swap(NamedTuple):
    """One record's new value, to be written only if it still has the expected one."""

    value: bytes
    record_id: str
    expected: bytes


class Swapped(NamedTuple):
    """The result of a batch of swaps."""

    written: int
    """Records that got their new value."""
    held_seconds: float
    """How long the write lock was held."""


class PrefixCounts(NamedTuple):
    """Numbers of records by the first bytes of their values."""

    counts: dict[bytes, int]
    after: str | None
    """Pass this to the next call; None after the last record."""


class Row(NamedTuple):
    """One stored record."""

    record_id: str
    value: bytes


class KeyValue(Protocol):
    """The engine. Every call returns or raises `StoreUnavailable` within the engine's timeout (seconds)."""

    def get(self, table: str, record_id: str) -> bytes | None:
        """Return the record's value, or None if there is no such record."""

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that have a record."""

    def count(self, table: str) -> int:
        """Return the number of records in the table."""

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        """Delete at most `limit` records whose ids sort before this one; returns how many."""

    def commit(self, changes: Sequence[Change], ids: IdSet | None = None) -> bool:
        """Apply all changes and ids, or none; they are on disk when the call returns.

        False means that some `expected` did not hold and nothing was changed.
        """

    def swap(self, table: str, swaps: Sequence[Swap]) -> Swapped:
        """Write each new value whose record still has the expected one.

        One transaction, which a power cut may undo as a whole until `erase_log` has returned True.
        """

    def count_by_prefix(self, table: str, length: int, *, after: str = "", limit: int = 5000) -> PrefixCounts:
        """Count the next `limit` records by the first `length` bytes of their values."""

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        """Return at most `limit` records whose ids begin with `prefix` and sort after `after`, ordered by id."""

    def foreign_changes(self) -> tuple[int, int]:
        """Return a value that changes whenever another process has committed something."""

    def erase_log(self) -> bool:
        """Write all changes to disk, and erase replaced values that the engine still keeps.

        False: a reader or another process is in the way; try again later.
        """

    def check_damage(self) -> None:
        """Raise StoreUnavailable if the engine has found damage since the start."""

    def check_pages(self) -> None:
        """Raise StoreUnavailable if the engine's own check of everything it stores finds damage; may take minutes."""

    def close(self) -> None:
        """Close the engine; later calls raise `StoreUnavailable`. Closing twice is harmless."""
