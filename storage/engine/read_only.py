"""A store's file read as it stands: nothing is written to it, and nothing made beside it.

Rule: what is looked at before a restore, a store or a backup, is the same byte
for byte afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.crypto import Sealer, key_id_of
from latchkey.storage.engine.connection import GuardedConnection
from latchkey.storage.engine.keyvalue import Change, Marks
from latchkey.storage.engine.sqlite import SqliteKeyValue
from latchkey.storage.progress import ProgressCallback, ignore_progress
from latchkey.storage.records import PAGE
from latchkey.storage.tables import SEEN_IDS, TABLES


class Snapshot(SqliteKeyValue):
    """An engine that reads. A table that the file does not have yet has no records."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises StoreUnavailable or OSError."""
        self._path = path
        self.is_still = not path.with_name(path.name + "-wal").exists()
        """Whether the file is read as one that nobody writes meanwhile."""
        self._reader = GuardedConnection(path, read_only=True)
        try:
            made = {row[0] for row in self._reader.select("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in set(TABLES) - made:
                # Temporary tables are in memory or in a file of their own, never in this one.
                self._reader.execute(f'CREATE TEMP TABLE "{table}" (key TEXT PRIMARY KEY, value BLOB)')
        except BaseException:
            self._reader.close()
            raise

    def commit(self, changes: Sequence[Change], marks: Marks | None = None) -> bool:
        raise StoreUnavailable("read-only", f"the store {self._path} is open for reading alone")

    def remove_before(self, table: str, record_id: str, limit: int) -> int:
        raise StoreUnavailable("read-only", f"the store {self._path} is open for reading alone")

    def close(self) -> None:
        self._reader.close()

    def _name(self, table: str) -> str:
        return TABLES[TABLES.index(table)]


@dataclass
class Contents:
    """What a store's file holds."""

    records: dict[str, int] = field(default_factory=dict)
    """How many, by table."""
    key_ids: Counter[str] = field(default_factory=Counter)
    """How many records each key has opened."""
    unreadable: int = 0


def examine(snapshot: Snapshot, sealer: Sealer, progress: ProgressCallback = ignore_progress) -> Contents:
    """Open every record; raises StoreUnavailable where a page is damaged."""
    snapshot.check_pages()
    found = Contents({table: snapshot.count(table) for table in TABLES})
    total, done = sum(found.records.values()) - found.records[SEEN_IDS], 0
    for table in TABLES:
        after = ""
        # Remembered ids have no value that could be opened.
        while table != SEEN_IDS and (page := snapshot.scan(table, after=after, limit=PAGE)):
            for record_id, sealed in page:
                try:
                    sealer.open(table, record_id, sealed)
                    found.key_ids[key_id_of(sealed) or ""] += 1
                except UnreadableRecord:
                    found.unreadable += 1
            done, after = done + len(page), page[-1].record_id
            progress("checked", done, total)
    return found
