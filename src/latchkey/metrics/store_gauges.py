"""Gauges about the store: the age of keys and backups, and the number of records per key.

They are refreshed in a thread every few minutes: a scrape must never trigger a full scan.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from latchkey.errors import LatchkeyError
from latchkey.metrics.counters import Metrics
from latchkey.storage import StoreKeys

REFRESH_SECONDS = 300.0

logger = logging.getLogger("latchkey.metrics")


class StoreGauges:
    """Three gauges of `Metrics`, kept up to date while `run` runs."""

    def __init__(
        self,
        keys: StoreKeys,
        newest_backup: Callable[[], float | None],
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        seconds: float = REFRESH_SECONDS,
    ) -> None:
        """`newest_backup` returns when the newest backup was made, or None; it and `clock` use Unix seconds."""
        self._keys = keys
        self._newest_backup = newest_backup
        self._clock = clock
        self._seconds = seconds
        self._made: dict[str, float] = {}
        self._records: Counter[str] = Counter()
        self._backup: dict[str, float] = {}
        metrics.watch_each(
            "key_age_seconds",
            "Seconds since each key of the keyring was made",
            "key_id",
            lambda: self._ages(self._made),
        )
        metrics.watch_each("key_records", "Records encrypted with each key", "key_id", lambda: dict(self._records))
        metrics.watch_each(
            "backup_age_seconds", "Seconds since the newest backup was made", "backup", lambda: self._ages(self._backup)
        )

    async def run(self) -> None:
        """Refresh the gauges periodically, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._refresh)
            except LatchkeyError as error:
                logger.warning("cannot refresh the gauges of keys and backups: %s", error)
            await asyncio.sleep(self._seconds)

    def _refresh(self) -> None:
        entries = self._keys.entries()
        self._made = {entry.key_id: entry.made_at for entry in entries if entry.made_at is not None}
        records = Counter({entry.key_id: 0 for entry in entries})
        for counts in self._keys.use().values():
            records.update({key_id: count for key_id, count in counts.items() if key_id})
        self._records = records
        made_at = self._newest_backup()
        self._backup = {} if made_at is None else {"newest": made_at}

    def _ages(self, made: dict[str, float]) -> dict[str, float]:
        return {name: max(0.0, self._clock() - made_at) for name, made_at in made.items()}
