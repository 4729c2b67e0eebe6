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


class Row(NamedTuple):
    """One stored record as an engine hands it out."""

    record_id: str
    value: bytes


class KeyValue(Protocol):
    """What an engine does. Every call returns or raises `StoreUnavailable` within the engine's deadline (seconds)."""

    def get(self, table: str, record_id: str) -> bytes | None:
        """Return the record's value, or None where there is none."""

    def commit(self, changes: Sequence[Change]) -> bool:
        """Apply all changes or none, and return after they are on disk.

        False means that some `expected` did not hold, and that nothing was changed.
        """

    def scan(self, table: str, *, prefix: str = "", after: str = "", limit: int = 500) -> list[Row]:
        """Return at most `limit` records whose ids begin with `prefix` and sort behind `after`, in the ids' order."""

    def close(self) -> None:
        """Close the engine; later calls raise `StoreUnavailable`. Closing twice is fine."""
