"""Every record of every sealed table, some at a time, whatever its size and whatever is wrong with it.

Rule: memory stays flat. No page of records is held for longer than it is worked
on, and what cannot be opened is counted in full and named only as far as anybody reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from latchkey.errors import UnreadableRecord
from latchkey.storage.crypto import PREFIX_LENGTH, Sealer, key_id_of
from latchkey.storage.engine import KeyValue, Row
from latchkey.storage.progress import ProgressCallback

LISTED = 100
"""How many records that cannot be opened are named."""
PAGE_BYTES = 1 << 20
FIRST_ROWS = 10

KeyUse = dict[str, Counter[str]]
"""By table: how many records each key id has sealed; "" stands for what is no sealed record."""


@dataclass
class Findings:
    """What going through records has shown."""

    checked: int = 0
    unreadable: int = 0
    """How many cannot be opened."""
    first: list[UnreadableRecord] = field(default_factory=list)
    """The first LISTED of them."""
    stale: int = 0
    """How many can be opened, and are not under the key that seals."""

    def add(self, error: UnreadableRecord) -> None:
        self.unreadable += 1
        if len(self.first) < LISTED:
            self.first.append(error)


def pages(engine: KeyValue, table: str, largest: int) -> Iterator[list[Row]]:
    """Go through a table in pages of at most `largest` records and of about PAGE_BYTES."""
    after, limit = "", min(FIRST_ROWS, largest)
    while rows := engine.scan(table, after=after, limit=limit):
        yield rows
        after = rows[-1].record_id
        size = sum(len(row.value) for row in rows)
        limit = max(1, min(largest, len(rows) * PAGE_BYTES // max(size, 1)))


def verify(engine: KeyValue, sealer: Sealer, tables: Sequence[str], progress: ProgressCallback) -> Findings:
    """Open every record; one is stale where it opens, but not under the key that seals."""
    findings = Findings()
    total = sum(engine.count(table) for table in tables)
    for table in tables:
        for rows in pages(engine, table, 500):
            for record_id, sealed in rows:
                try:
                    sealer.check(table, record_id, sealed)
                    findings.stale += not sealer.is_current(sealed)
                except UnreadableRecord as error:
                    findings.add(error)
            findings.checked += len(rows)
            progress("checked", findings.checked, max(total, findings.checked))
    return findings


def key_use(
    engine: KeyValue, tables: Sequence[str], stop: Callable[[], bool] = lambda: False, limit: int = 5000
) -> KeyUse:
    """Count the records under each key, `limit` at a time; opens none.

    Ends early, with what it has, where `stop` says so before the next ones are read.
    """
    use: KeyUse = {}
    for table in tables:
        counts: Counter[str] = Counter()
        after: str | None = ""
        while after is not None and not stop():
            found = engine.beginnings(table, PREFIX_LENGTH, after=after, limit=limit)
            for beginning, count in found.counts.items():
                counts[key_id_of(beginning + b".") or ""] += count
            after = found.after
        use[table] = counts
    return use


def needed_ids(use: KeyUse) -> set[str]:
    """Return the ids of all keys that records are under."""
    return {key_id for counts in use.values() for key_id in counts if key_id}
