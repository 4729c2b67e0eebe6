"""The open store: installations, states, and whether it is well.

Rule: everything in it shares one engine and is closed with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from latchkey.errors import StoreUnavailable
from latchkey.storage.crypto import Sealer
from latchkey.storage.engine import CallObserver, Executor, OpenMark, SqliteKeyValue
from latchkey.storage.inbox import EventAdmin, Inbox
from latchkey.storage.installations import BotCache, Installations, WorkspaceAdmin
from latchkey.storage.records import Records
from latchkey.storage.rotation import KeyringWatch, KeySurvey, StoreKeys
from latchkey.storage.states import States
from latchkey.storage.tables import META

PROBE = "probe"
READY_SECONDS = 1.0
"""How long an answer of `ready` holds, so that probing costs at most one write in that time."""


class Store:
    """What `open_store` returns. `installations` and `states` may be handed to Bolt's OAuthSettings as they are."""

    def __init__(
        self,
        path: Path,
        keyring: Path,
        engine: SqliteKeyValue,
        sealer: Sealer,
        mark: OpenMark,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The store closes `engine` and `mark` when it is closed itself."""
        self._engine = engine
        self._mark = mark
        self._watch = KeyringWatch(keyring, sealer, mark)
        self._survey = KeySurvey(engine, sealer)
        self.keys = StoreKeys(path, keyring, engine, sealer, self._watch)
        self._records = Records(engine, sealer)
        self._reads = Executor("store-read", threads=4)
        self._writes = Executor("store-write", threads=4)
        self._events = Executor("store-events", threads=1)
        self._probes = Executor("store-probe", threads=1)
        self._executors = (self._reads, self._writes, self._events, self._probes)
        self._probing = threading.Lock()
        self._ready_until = 0.0
        # The cache's age is measured by a clock that no administrator sets.
        cache = BotCache(time.monotonic)
        self.installations = Installations(self._records, cache, reads=self._reads, writes=self._writes)
        self.states = States(self._records, self._writes, clock)
        self.inbox = Inbox(self._records, self._events, clock)
        self.event_admin = EventAdmin(self._records)
        self.workspaces = WorkspaceAdmin(self._records)
        self._watch.start()

    def observe(self, on_call: CallObserver) -> None:
        """Report every call that is made from the event loop to `on_call`."""
        for executor in self._executors:
            executor.on_call = on_call

    def ready(self) -> bool:
        """Write, read back and open a probe record; raises StoreUnavailable or UnreadableRecord where that fails.

        False: it serves, but some records need keys that the keyring lacks; the log says which. A
        success is remembered for READY_SECONDS, a failure is not.
        """
        self._probe()
        return not self._survey.missing()

    async def async_ready(self) -> bool:
        return await self._probes.run("ready", self.ready)

    def check_pages(self) -> None:
        """Read every page of the file; raises StoreUnavailable where one is damaged."""
        self._engine.check_pages()

    def close(self) -> None:
        """Close the files; what is still asked of the store raises StoreUnavailable. Closing twice is fine."""
        for executor in self._executors:
            executor.close()
        self._watch.close()
        self._survey.close()
        self._engine.close()
        self._mark.close()

    def _probe(self) -> None:
        with self._probing:
            self._engine.check_damage()
            if time.monotonic() < self._ready_until:
                return
            nonce = secrets.token_hex(8)
            self._records.commit([self._records.put(META, PROBE, nonce)])
            probe = self._records.read(META, PROBE)
            if probe is None or probe.value != nonce:
                raise StoreUnavailable("failed", "the store did not return what was just written")
            self._ready_until = time.monotonic() + READY_SECONDS
