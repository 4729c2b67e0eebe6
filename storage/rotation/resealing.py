"""One pass over all records: each that is not under the sealing key is sealed again.

Rule: a record is written only where it still is what was read, so that no
update of a running server is undone and nothing that was deleted comes back.
The lock on the store is held for some milliseconds at a time, and not taken
again before others have had as long.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.crypto import Sealer
from latchkey.storage.engine import KeyValue, Row, Swap
from latchkey.storage.progress import ProgressCallback
from latchkey.storage.rotation.verification import Findings, pages

BATCH = 350
"""Records written in one transaction: one or two milliseconds."""
PATIENCE_SECONDS = 30.0
"""How long a store that is locked by others is tried again."""


@dataclass
class Pass:
    """What one pass has done."""

    resealed: int = 0
    conflicts: int = 0
    """Records that somebody wrote or deleted meanwhile; the next pass looks at them again."""
    findings: Findings = field(default_factory=Findings)


class Resealing:
    """Passes over the tables of one store."""

    def __init__(
        self, engine: KeyValue, sealer: Sealer, tables: Sequence[str], progress: ProgressCallback, *, batch: int = BATCH
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._tables = tables
        self._progress = progress
        self._batch = batch
        self._next_write = 0.0

    def run(self) -> Pass:
        """Go through all tables once. Raises StoreUnavailable where the store stays locked or is broken."""
        done = Pass()
        total = sum(self._engine.count(table) for table in self._tables)
        for table in self._tables:
            for rows in pages(self._engine, table, self._batch):
                swaps = self._swaps(table, rows, done.findings)
                written = self._write(table, swaps) if swaps else 0
                done.resealed += written
                done.conflicts += len(swaps) - written
                done.findings.checked += len(rows)
                self._progress("sealed again", done.findings.checked, max(total, done.findings.checked))
        return done

    def _swaps(self, table: str, rows: Sequence[Row], findings: Findings) -> list[Swap]:
        swaps = []
        seal_again, is_current = self._sealer.seal_again, self._sealer.is_current
        for record_id, sealed in rows:
            if is_current(sealed):
                continue
            try:
                swaps.append(Swap(seal_again(table, record_id, sealed), record_id, sealed))
            except UnreadableRecord as error:
                findings.add(error)
        return swaps

    def _write(self, table: str, swaps: Sequence[Swap]) -> int:
        """Write them when others have had their turn; returns how many nobody else has written meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            # Reading and sealing took their time as well, and held no lock: often nothing is left to wait for.
            pause = self._next_write - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            try:
                swapped = self._engine.swap(table, swaps)
            except StoreUnavailable as error:
                if error.reason not in ("locked", "timeout") or time.monotonic() > deadline:
                    raise
                continue
            self._next_write = time.monotonic() + swapped.held_seconds
            return swapped.written
