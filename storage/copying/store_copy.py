"""Copies one store into another: beside a running server, and once more, for good, when it has stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from latchkey.errors import StoreRefused
from latchkey.storage.copying.copy_marks import COPYING, MOVED
from latchkey.storage.copying.merge_walk import CopyCounts, copy_table, count_differences
from latchkey.storage.engine import KeyValue, Presence
from latchkey.storage.records import Records
from latchkey.storage.rotation import ProgressCallback, ignore_progress
from latchkey.storage.tables import META, TABLES

COPIED = tuple(table for table in TABLES if table != META)
"""All tables but the one with what each store says of itself."""


class CopyResult(NamedTuple):
    """What a copy has done."""

    tables: dict[str, CopyCounts]
    is_finished: bool
    """Whether everything was verified, and the source is marked as moved."""


class StoreCopy:
    """One side of a copy. Calls raise StoreUnavailable."""

    def __init__(self, records: Records, presence: Presence) -> None:
        self._records = records
        self._presence = presence

    def copy_to(
        self,
        target: StoreCopy,
        *,
        names: tuple[str, str],
        force: bool = False,
        progress: ProgressCallback = ignore_progress,
        clock: Callable[[], float] = time.time,
    ) -> CopyResult:
        """Make the target like this store. `names` are how messages name this store and the target.

        While another process has this store open, the copy is not final: call it again when that has ended. With
        `force`, records in the target that do not come from this store are deleted. Raises StoreRefused.
        """
        target.begin(names[0], force=force)
        is_final = not self.has_others and not target.has_others
        tables = {}
        total = sum(self._records.engine.count(table) for table in COPIED)
        done = 0
        for table in COPIED:
            for counts in copy_table(self._records.engine, target._records.engine, table):
                progress("copied", done + counts.records, max(total, done + counts.records))
            tables[table] = counts
            done += counts.records
        if is_final:
            self._finish(target, names[1], clock())
        return CopyResult(tables, is_final)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep other commands out; raises StoreInUse, or StoreRefused if another process has this store open."""
        with self._presence.maintenance():
            if self.has_others:
                raise StoreRefused(
                    "the store is open in another process",
                    hint="stop every server first, for example: systemctl stop latchkey",
                )
            yield

    def replace_with(self, source: KeyValue, name: str, progress: ProgressCallback) -> None:
        """Make this store like the source, whose name is for messages; no server runs on it before the end."""
        self._records.commit([self._records.put(META, COPYING, {"from": name}), self._records.discard(META, MOVED)])
        done, total = 0, sum(map(source.count, COPIED))
        for table in COPIED:
            for counts in copy_table(source, self._records.engine, table):
                progress("restored", done + counts.records, max(total, done + counts.records))
            done += counts.records
        self._records.commit([self._records.discard(META, COPYING)])

    @property
    def has_others(self) -> bool:
        """Whether another process has this store open."""
        return len(self._presence.processes()) > 1

    def begin(self, source: str, *, force: bool) -> None:
        """Mark this store as the target of a copy; raises StoreRefused if it has records that are not the source's."""
        mark = self._records.read(META, COPYING)
        comes_from_source = mark is not None and mark.value["from"] == source
        if not comes_from_source and not force and any(map(self._records.engine.count, COPIED)):
            raise StoreRefused(
                "the target is not empty, and its records are not from a copy of this store",
                hint="name an empty database or a new file; with --force, everything in the target is replaced",
            )
        self._records.commit([self._records.put(META, COPYING, {"from": source}), self._records.discard(META, MOVED)])

    def _finish(self, target: StoreCopy, name: str, now: float) -> None:
        """Close this store to servers, then compare all records, then open the target to servers."""
        self._records.commit([self._records.put(META, MOVED, {"to": name, "at": now})])
        differences = sum(count_differences(self._records.engine, target._records.engine, table) for table in COPIED)
        if self.has_others or differences:
            self._records.commit([self._records.discard(META, MOVED)])
            what = f"{differences:,} records have changed" if differences else "another process has opened the store"
            raise StoreRefused(
                f"{what} since the copy began; the store stays in use",
                hint="stop every server and command that uses the store, then run the command again: it continues",
            )
        target._records.commit([target._records.discard(META, COPYING)])
