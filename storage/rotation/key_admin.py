"""The keys of an open store, as the administrator's commands see and change them.

Rule: whatever changes the keyring holds the store's maintenance lock while it
does, so that two commands never rewrite it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from latchkey.errors import KeyringError, KeysNotTaken
from latchkey.storage.crypto import KeyEntry, KeyringFile, Sealer
from latchkey.storage.engine import KeyValue, Opener, maintenance_lock, openers
from latchkey.storage.progress import ProgressCallback, ignore_progress
from latchkey.storage.rotation.keyring_watch import KeyringWatch
from latchkey.storage.rotation.rotate import Rotated, Rotation, check_order, erase_old, in_use
from latchkey.storage.rotation.verification import Findings, KeyUse, key_use, verify
from latchkey.storage.tables import SEALED_TABLES

TAKE_UP_SECONDS = 5.0
"""How long other processes may take to use a new key; one that watches its keyring needs a quarter of a second."""


class StoreKeys:
    """Blocking calls for commands; each may raise KeyringError or StoreUnavailable."""

    def __init__(
        self, store_path: Path, keyring_path: Path, engine: KeyValue, sealer: Sealer, watch: KeyringWatch
    ) -> None:
        self.keyring_path = keyring_path
        self._store_path = store_path
        self._engine = engine
        self._sealer = sealer
        self._watch = watch

    def entries(self) -> tuple[KeyEntry, ...]:
        """Return what the keyring says of each of its keys; the first one seals."""
        return self._read_file().entries

    def use(self) -> KeyUse:
        """Return how many records of each table are under each key; "" stands for what is no sealed record."""
        return key_use(self._engine, SEALED_TABLES)

    def openers(self) -> list[Opener]:
        """Return the processes that have the store open, this one among them."""
        return openers(self._store_path)

    def verify(self, progress: ProgressCallback = ignore_progress) -> Findings:
        """Open every record of every table."""
        return verify(self._engine, self._sealer, SEALED_TABLES, progress)

    def add(self) -> str:
        """Put a new key in front and return its id when every process seals with it; raises KeysNotTaken."""
        with maintenance_lock(self._store_path):
            key_id = self._read_file().add_key(time.time())
            self._wait_for_others()
            return key_id

    def next_key(self) -> str | None:
        """Return the key with which a rotation would go on, or None where it would make a new one.

        Raises KeyringError where the keyring is in the wrong order.
        """
        entries = self.entries()
        check_order(entries, self.keyring_path)
        return entries[0].key_id if len(in_use(entries)) > 1 else None

    def rotate(
        self, progress: ProgressCallback = ignore_progress, *, before: Callable[[], object] = lambda: None
    ) -> Rotated:
        """Put every record under a new key; `before` is called under the lock, before anything is changed.

        Raises AnotherRun and KeysNotTaken as well.
        """
        with maintenance_lock(self._store_path):
            self.next_key()
            before()
            rotation = Rotation(
                self._engine,
                self._sealer,
                SEALED_TABLES,
                read_file=self._read_file,
                wait_for_others=self._wait_for_others,
                progress=progress,
            )
            return rotation.run()

    def needed_by(self, key_id: str, backups: Mapping[str, Collection[str]]) -> list[str]:
        """Return what could not be opened without this key: records, and of these backups those that need it.

        Raises KeyringError where the keyring does not have it, or where it is the one that seals.
        """
        entries = self.entries()
        if key_id not in [entry.key_id for entry in entries]:
            raise KeyringError(
                f"keyring {self.keyring_path}: there is no key {key_id}", hint="`latchkey keys status` lists the keys"
            )
        if key_id == entries[0].key_id:
            raise KeyringError(
                f"keyring {self.keyring_path}: {key_id} is the key that seals",
                hint="`latchkey keys rotate` puts a new one in its place, and then this one can be retired",
            )
        use = self.use()
        found = [f"{counts[key_id]:,} records of {table}" for table, counts in use.items() if counts[key_id]]
        found += [f"the backup {name}" for name, key_ids in backups.items() if key_id in key_ids]
        sealing = entries[0].key_id
        found += [
            f"the process {opener.pid}, which does not seal with the first key"
            for opener in self.openers()
            if not _seals_with(opener, sealing)
        ]
        return found

    def retire(
        self, key_id: str, backups: Mapping[str, Collection[str]], *, confirm: Callable[[list[str]], object]
    ) -> None:
        """Drop a key from the keyring, once `confirm` has agreed to what `needed_by` returns; it raises where not."""
        with maintenance_lock(self._store_path):
            # A rotation that was cut off has left records that a power cut could put back under the old key.
            erase_old(self._engine)
            told = self.needed_by(key_id, backups)
            confirm(told)
            # A person may have thought about it for minutes, and a process with an old keyring may have begun.
            if not told and self.needed_by(key_id, backups):
                raise KeyringError(
                    f"keyring {self.keyring_path}: the key {key_id} has come into use again, and stays",
                    hint="`latchkey keys status` shows what uses it",
                )
            self._read_file().drop(key_id)

    def _read_file(self) -> KeyringFile:
        return KeyringFile(self.keyring_path)

    def _wait_for_others(self) -> int:
        """Return how many other processes seal with the keyring's first key, once all do; raises KeysNotTaken."""
        self._watch.look()
        first = self._read_file().keyring.sealing_key.key_id
        deadline = time.monotonic() + TAKE_UP_SECONDS
        while True:
            found = self.openers()
            late = [opener.pid for opener in found if not _seals_with(opener, first)]
            if not late:
                return len(found) - 1
            if time.monotonic() > deadline:
                raise KeysNotTaken(first, late)
            time.sleep(0.05)


def _seals_with(opener: Opener, key_id: str) -> bool:
    return opener.key_ids is not None and opener.key_ids[:1] == (key_id,)
