"""The open store: one for a server, and a light one for commands.

Invariant: all parts of a store share one engine and are closed with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import StoreUnavailable
from latchkey.storage.backup import Backup, RestorePreview, preview_restore_into, restore_into_database
from latchkey.storage.copying import StoreCopy
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer, open_values
from latchkey.storage.engine import CallObserver, Executor, KeyValue, Presence
from latchkey.storage.inbox import EventAdmin, Inbox
from latchkey.storage.installations import (
    InstallationMover,
    Installations,
    TokenCache,
    TokenWatch,
    Undos,
    WorkspaceAdmin,
)
from latchkey.storage.records import Records
from latchkey.storage.rotation import KeyringWatch, KeySurvey, ProgressCallback, RemovalEraser, StoreKeys
from latchkey.storage.states import States
from latchkey.storage.tables import META
from latchkey.storage.tokens import BlockingExpiries, BlockingTokens, Tokens

PROBE = "probe"
READY_CACHE_SECONDS = 1.0
"""How long `ready` remembers a success, so that frequent probes cost at most one write per second."""


class OpenedEngine(NamedTuple):
    """An engine with a store in it, checked and open, and the store's keyring."""

    keyring_file: KeyringFile
    engine: KeyValue
    sealer: Sealer
    presence: Presence


class CommandStore:
    """What `open_for_command` returns: blocking calls, and no threads."""

    def __init__(self, opened: OpenedEngine) -> None:
        """The store closes the engine when it is closed."""
        self._engine = opened.engine
        self._presence = opened.presence
        self._watch = KeyringWatch(opened.keyring_file, opened.sealer, opened.presence)
        self._records = Records(opened.engine, opened.sealer)
        self.keys = StoreKeys(opened.keyring_file, opened.engine, opened.sealer, opened.presence, self._watch)
        self.event_admin = EventAdmin(self._records)
        self._eraser = RemovalEraser(opened.engine)
        self.tokens: BlockingTokens = BlockingTokens(self._records, opened.presence, lambda key: None)
        self.refreshes = BlockingExpiries(self._records)
        self.workspaces = WorkspaceAdmin(self._records, self._eraser.request)
        self.moving = InstallationMover(self._records, self.workspaces)
        self.copy = StoreCopy(self._records, opened.presence)

    def preview_restore(self, backup_store: Path, keys: Keyring) -> RestorePreview:
        """Return what a restore of a backup would change; raises StoreError if the backup cannot be read."""
        return preview_restore_into(self._records, backup_store, keys)

    def restore(self, backup: Backup, keys: Keyring, *, keep_events: bool, progress: ProgressCallback) -> None:
        """Replace all records of this store, which is in a database; see `restore_into_database`."""
        restore_into_database(self.copy, backup, keys, keep_events=keep_events, progress=progress)

    def check_pages(self) -> None:
        """Let the engine check all that it stores; raises StoreUnavailable if something is damaged."""
        self._engine.check_pages()

    def close(self) -> None:
        """Close the engine; later calls raise StoreUnavailable. Closing twice is harmless."""
        self._watch.close()
        self._eraser.close()
        self._engine.close()
        self._presence.close()


class Store(CommandStore):
    """What `open_store` returns. `installations` and `states` can be passed to Bolt's OAuthSettings unchanged."""

    tokens: Tokens

    def __init__(self, opened: OpenedEngine, clock: Callable[[], float] = time.time) -> None:
        super().__init__(opened)
        self._sealer = opened.sealer
        self._clock = clock
        self._survey = KeySurvey(opened.engine, opened.sealer)
        self._reads = Executor("store-read", threads=4)
        self._writes = Executor("store-write", threads=4)
        self._events = Executor("store-events", threads=1)
        self._probes = Executor("store-probe", threads=1)
        self._refreshes = Executor("store-refresh", threads=2)
        self._executors = (self._reads, self._writes, self._events, self._probes, self._refreshes)
        self._probing = threading.Lock()
        self._ready_until = 0.0
        # The cache's age is measured by a clock that no operator sets.
        cache = TokenCache(time.monotonic)
        self.installations = Installations(
            self._records, cache, self._eraser.request, reads=self._reads, writes=self._writes
        )
        self.undos = Undos(self._records, self._eraser.request, reads=self._reads, writes=self._writes)
        self.tokens = Tokens(self._records, opened.presence, cache.forget, self._refreshes)
        self.states = States(self._records, self._writes, clock, machine=opened.presence.machine)
        self.inbox = Inbox(self._records, self._events, clock, opened.presence)
        self._token_watch = TokenWatch(opened.engine, cache)
        self._watch.start()
        self._token_watch.start()
        self._eraser.start()

    def observe(self, on_call: CallObserver) -> None:
        """Report every call that is made from the event loop to `on_call`."""
        for executor in self._executors:
            executor.on_call = on_call

    def when_fenced(self, callback: Callable[[], None]) -> None:
        """Call this, in a thread, if another server has taken over; see `Presence`."""
        self._presence.when_fenced(callback)

    async def async_install_link_values(self, text: str) -> dict[str, str]:
        """Return the values in an install link; raises LinkError."""
        # In a thread: for an unknown key, the keyring's file is read again.
        return await self._reads.run("open_install_link", open_values, self._sealer, text, self._clock())

    def ready(self) -> bool:
        """Write, read back and decrypt a probe record; raises StoreUnavailable or UnreadableRecord if that fails.

        False: the store works, but some records need keys that the keyring lacks; the log names them.
        A success is remembered for READY_CACHE_SECONDS, a failure is not.
        """
        self._probe()
        return not self._survey.missing()

    async def async_ready(self) -> bool:
        return await self._probes.run("ready", self.ready)

    def close(self) -> None:
        """Close the engine; later calls raise StoreUnavailable. Closing twice is harmless."""
        for executor in self._executors:
            executor.close()
        self._token_watch.close()
        self._survey.close()
        super().close()

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
            self._ready_until = time.monotonic() + READY_CACHE_SECONDS
