"""Goes through every record: which key encrypted it, and whether it can be decrypted.

Invariant: only one page of records is in memory. All unreadable records are
counted; the first MAX_LISTED are named.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.errors import StoreUnavailable, UnreadableRecord
from latchkey.storage.crypto import PREFIX_LENGTH, Keyring, Sealer, key_id_of
from latchkey.storage.engine import KeyValue, ReadOnlyKeyValue, Row
from latchkey.storage.tables import SEALED_TABLES, TABLES

MAX_LISTED = 100
"""Unreadable records that are named."""
MAX_PAGE_BYTES = 1 << 20
MAX_PAGE_ROWS = 500
FIRST_PAGE_ROWS = 10

SURVEY_INTERVAL = 60.0
"""Seconds until the survey is repeated after it found a missing key: the records may be deleted, the key restored."""
SURVEY_PAGE_ROWS = 1000
SURVEY_PAUSE_SECONDS = 0.01
SURVEY_TIMEOUT = 0.5
"""Seconds that the first call waits for the first survey, which is enough for thousands of records."""

ProgressCallback = Callable[[str, int, int], None]
"""Called with (what is being done, records done, records in total), such as `("checked", 500, 2000)`."""
KeyUse = dict[str, Counter[str]]
"""By table: the number of records under each key id; "" counts values that are not encrypted records."""

logger = logging.getLogger("latchkey.storage")


def ignore_progress(_what: str, _done: int, _total: int) -> None:
    """Default callback: does nothing."""


@dataclass
class VerificationResult:
    """What decrypting every record has shown."""

    checked: Counter[str] = field(default_factory=Counter)
    """Records by table."""
    key_ids: Counter[str] = field(default_factory=Counter)
    """Readable records by the id of their key."""
    unreadable: int = 0
    """Records that cannot be decrypted."""
    listed: list[UnreadableRecord] = field(default_factory=list)
    """The first MAX_LISTED of them."""
    stale: int = 0
    """Readable records that are not under the primary key."""

    @property
    def total(self) -> int:
        return self.checked.total()

    def add_unreadable(self, error: UnreadableRecord) -> None:
        self.unreadable += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(error)


def pages(engine: KeyValue, table: str, max_rows: int = MAX_PAGE_ROWS) -> Iterator[list[Row]]:
    """Go through a table in pages of at most `max_rows` records and about MAX_PAGE_BYTES."""
    after, limit = "", min(FIRST_PAGE_ROWS, max_rows)
    while rows := engine.scan(table, after=after, limit=limit):
        yield rows
        after = rows[-1].record_id
        size = sum(len(row.value) for row in rows)
        limit = max(1, min(max_rows, len(rows) * MAX_PAGE_BYTES // max(size, 1)))


def verify(
    engine: KeyValue, sealer: Sealer, tables: Sequence[str], progress: ProgressCallback = ignore_progress
) -> VerificationResult:
    """Decrypt every record of these tables."""
    result = VerificationResult()
    done, total = 0, sum(engine.count(table) for table in tables)
    for table in tables:
        for rows in pages(engine, table):
            for record_id, sealed in rows:
                try:
                    sealer.check(table, record_id, sealed)
                except UnreadableRecord as error:
                    result.add_unreadable(error)
                else:
                    result.key_ids[key_id_of(sealed) or ""] += 1
                    result.stale += not sealer.is_under_primary_key(sealed)
            result.checked[table] += len(rows)
            done += len(rows)
            progress("checked", done, max(total, done))
    return result


def verify_file(
    path: Path, keys: Keyring, progress: ProgressCallback = ignore_progress
) -> tuple[VerificationResult, dict[str, int]]:
    """Check every page of a store's file and decrypt every record, without writing to it.

    Returns the number of records of all tables as well, those without values included. Raises
    StoreUnavailable if a page is damaged, or OSError.
    """
    with closing(ReadOnlyKeyValue(path, TABLES)) as engine:
        engine.check_pages()
        return verify(engine, Sealer(keys), SEALED_TABLES, progress), {table: engine.count(table) for table in TABLES}


def key_use(
    engine: KeyValue, tables: Sequence[str], stop: Callable[[], bool] = lambda: False, limit: int = 5000
) -> KeyUse:
    """Count the records under each key, `limit` at a time, without decrypting them.

    Ends early, with the counts so far, when `stop`, which is called before each page, returns True.
    """
    use: KeyUse = {}
    for table in tables:
        counts: Counter[str] = Counter()
        after: str | None = ""
        while after is not None and not stop():
            found = engine.count_by_prefix(table, PREFIX_LENGTH, after=after, limit=limit)
            for prefix, count in found.counts.items():
                counts[key_id_of(prefix + b".") or ""] += count
            after = found.after
        use[table] = counts
    return use


def needed_ids(use: KeyUse) -> set[str]:
    """Return the ids of all keys that have encrypted records."""
    return {key_id for counts in use.values() for key_id in counts if key_id}


class KeySurvey:
    """Finds keys that records need and the keyring lacks, from the records' key ids, in a background thread.

    Missing keys are logged once. They stop nothing: records under the other keys can be served.
    """

    def __init__(self, engine: KeyValue, sealer: Sealer, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._engine = engine
        self._sealer = sealer
        self._clock = clock
        self._lock = threading.Lock()
        self._surveyed = threading.Event()
        self._closed = threading.Event()
        self._running = False
        self._needed: set[str] = set()
        self._next_at = 0.0
        self._logged: set[str] = set()

    def missing(self) -> set[str]:
        """Return the ids of the missing keys, from memory; starts a survey if one is due."""
        with self._lock:
            due = not self._surveyed.is_set() or (self._missing() and self._clock() >= self._next_at)
            if due and not self._running and not self._closed.is_set():
                self._running = True
                threading.Thread(target=self._survey, name="key-survey", daemon=True).start()
        self._surveyed.wait(SURVEY_TIMEOUT)
        return self._missing()

    def close(self) -> None:
        self._closed.set()

    def _missing(self) -> set[str]:
        return self._needed - set(self._sealer.keyring.key_ids)

    def _survey(self) -> None:
        try:
            needed = needed_ids(key_use(self._engine, SEALED_TABLES, self._pause, SURVEY_PAGE_ROWS))
        except StoreUnavailable as error:
            logger.debug("cannot read the key ids of the records: %s", error)  # `Store.ready` reports the cause
        else:
            if self._closed.is_set():
                return
            self._needed = needed
            self._log(self._missing())
            self._surveyed.set()
        finally:
            self._next_at = self._clock() + SURVEY_INTERVAL
            self._running = False

    def _pause(self) -> bool:
        """Leave the connection to lookups for a moment; True if the store is being closed."""
        return self._closed.wait(SURVEY_PAUSE_SECONDS)

    def _log(self, missing: set[str]) -> None:
        if missing and missing != self._logged:
            logger.error(
                "records need the keys %s, which the keyring lacks (it has %s); records under its keys are served."
                " Restore the missing keys from the copy of the keyring",
                ", ".join(sorted(missing)),
                ", ".join(self._sealer.keyring.key_ids),
            )
        self._logged = missing
