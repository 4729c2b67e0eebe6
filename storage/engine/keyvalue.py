"""The seam between what we keep and the engine that keeps it.

Rule: nothing above this file knows which engine is below it. An engine has
tables of records; a record is an id (text) and a value (bytes). SQLite's
engine is `storage.sqlite`; another one implements `KeyValue` and stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol


class _Anything(Enum):
    ANYTHING = "anything"


ANYTHING: Final = _Anything.ANYTHING
"""As `Change.expected`: whatever the record holds now, or nothing."""


class Change(NamedTuple):
    """One record's part in a commit."""

    table: str
    record_id: str
    value: bytes | None
    """What to store; None deletes the record (absent already is fine)."""
    expected: bytes | _Anything | None = ANYTHING
    """What the record must hold for the commit to happen; None: it must be absent."""


class Marks(NamedTuple):
    """Records without a value, put all at once: that they are there is all that they say."""

    table: str
    record_ids: Sequence[str]


class Swap(NamedTuple):
    """One record's new value, for where it still holds what it held when it was read."""

    value: bytes
    record_id: str
    expected: bytes


class Swapped(NamedTuple):
    """What has become of some swaps."""

    written: int
    """How many records have got their new value."""
    held_seconds: float
    """How long no other process could write meanwhile."""


class Beginnings(NamedTuple):
    """How the values of some records begin."""

    counts: dict[bytes, int]
    """How many records begin with these bytes."""
    after: str | None
    """Hand this to the next call; None: there are no more records."""


class Row(NamedTuple):
    """One stored record as an engine hands it out."""

    record_id: str
    value: bytes


class KeyValue(Protocol):
    """What an engine does. Every call returns or raises `StoreUnavailable` within the engine's deadline (seconds)."""

    def get(self, table: str, record_id: str) -> bytes | None:
        """Return the record's value, or None where there is none."""

    def existing(self, table: str, record_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that have a record."""

    def count(self, table: str) -> int:
        """Return how many records the table has."""

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        """Delete at most `limit` records whose ids sort before this one; how many there were."""

    def commit(self, changes: Sequence[Change], marks: Marks | None = None) -> bool:
        """Apply all changes and marks or none, and return after they are on disk.

        False means that some `expected` did not hold, and that nothing was changed.
        """

    def swap(self, table: str, swaps: Sequence[Swap]) -> Swapped:
        """Give each record its new value where it holds what was expected, and leave the others alone.

        One transaction, which a power cut may undo, whole, until `erase_log` has returned True.
        """

    def beginnings(self, table: str, length: int, *, after: str = "", limit: int = 5000) -> Beginnings:
        """Return how the values of the next `limit` records begin, each cut to `length` bytes."""

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        """Return at most `limit` records whose ids begin with `prefix` and sort behind `after`, in the ids' order."""

    def erase_log(self) -> bool:
        """Put all that was changed on disk, and erase what the engine still keeps of values that were replaced.

        False: not now, something is in the way; try again later.
        """

    def close(self) -> None:
        """Close the engine; later calls raise `StoreUnavailable`. Closing twice is fine."""
