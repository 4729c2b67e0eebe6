"""Whether all records can be opened with the keys that are here, as far as key ids tell.

Rule: the survey reads beside everything else, in a thread of its own, some
records at a time. It says what is missing in the log, once; it stops nothing,
since what the other keys have sealed can be served.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from latchkey.errors import StoreUnavailable
from latchkey.storage.crypto import Sealer
from latchkey.storage.engine import KeyValue
from latchkey.storage.rotation.verification import key_use, needed_ids
from latchkey.storage.tables import SEALED_TABLES

AGAIN_SECONDS = 60.0
"""How long a survey that has found something missing holds: the records may be deleted, the key may come back."""
PAGE = 1000
PAUSE_SECONDS = 0.01
WAIT_SECONDS = 0.5
"""How long the first question waits for the first survey, which a store of many thousand records ends within."""

logger = logging.getLogger("latchkey.storage")


class KeySurvey:
    """What is asked here is answered from memory."""

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
        self._again_at = 0.0
        self._told: set[str] = set()

    def missing(self) -> set[str]:
        """Return the ids of keys that records need and the keyring lacks, as far as is known now."""
        with self._lock:
            due = not self._surveyed.is_set() or (self._missing() and self._clock() >= self._again_at)
            if due and not self._running and not self._closed.is_set():
                self._running = True
                threading.Thread(target=self._survey, name="key-survey", daemon=True).start()
        self._surveyed.wait(WAIT_SECONDS)
        return self._missing()

    def close(self) -> None:
        self._closed.set()

    def _missing(self) -> set[str]:
        return self._needed - set(self._sealer.keyring.key_ids)

    def _survey(self) -> None:
        try:
            needed = needed_ids(key_use(self._engine, SEALED_TABLES, self._pause, PAGE))
        except StoreUnavailable as error:
            logger.debug("the keys of the records are not known: %s", error)  # `ready` itself tells what is wrong
        else:
            if self._closed.is_set():
                return
            self._needed = needed
            self._tell(self._missing())
            self._surveyed.set()
        finally:
            self._again_at = self._clock() + AGAIN_SECONDS
            self._running = False

    def _pause(self) -> bool:
        """Let look-ups have their turn on the connection; True: the store is being closed."""
        return self._closed.wait(PAUSE_SECONDS)

    def _tell(self, missing: set[str]) -> None:
        if missing and missing != self._told:
            logger.error(
                "records need the key ids %s, which the keyring lacks (it has %s); what its keys sealed is served."
                " Put the missing keys back from the keyring's copy",
                ", ".join(sorted(missing)),
                ", ".join(self._sealer.keyring.key_ids),
            )
        self._told = missing
