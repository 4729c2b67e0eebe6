"""The keys of an open store, as an operator's commands see and change them.

Invariant: a change of the keyring holds the store's maintenance lock, so that two
commands never rewrite it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from latchkey.errors import KeyringError, StaleKeyring
from latchkey.storage.crypto import KeyEntry, KeyringFile, Sealer
from latchkey.storage.engine import KeyValue, Presence, StoreProcess
from latchkey.storage.rotation.erasing import erase_old
from latchkey.storage.rotation.keyring_watch import KeyringWatch
from latchkey.storage.rotation.rotate import Rotation, RotationResult, check_order, unretired
from latchkey.storage.rotation.verification import (
    KeyUse,
    ProgressCallback,
    VerificationResult,
    ignore_progress,
    key_use,
    verify,
)
from latchkey.storage.tables import SEALED_TABLES

ADOPT_TIMEOUT = 5.0
"""Seconds that other processes get to use a new key; a server checks its keyring four times a second."""


class KeyUsers(NamedTuple):
    """What still needs a key."""

    records: Mapping[str, int]
    """The number of records under it by table."""
    backups: tuple[str, ...]
    processes: tuple[int, ...]
    """Ids of processes that do not encrypt with the primary key."""

    def __bool__(self) -> bool:
        return any(self)


class StoreKeys:
    """Blocking calls for commands; each may raise KeyringError or StoreUnavailable."""

    def __init__(
        self, file: KeyringFile, engine: KeyValue, sealer: Sealer, presence: Presence, watch: KeyringWatch
    ) -> None:
        self.keyring_path = file.path
        self._file = file
        self._engine = engine
        self._sealer = sealer
        self._presence = presence
        self._watch = watch

    def entries(self) -> tuple[KeyEntry, ...]:
        """Return what the keyring says of each key; the first one is the primary key."""
        primary = self._presence.primary_key()
        return tuple(sorted(self._keyring_file().entries, key=lambda entry: entry.key_id != primary))

    def use(self) -> KeyUse:
        """Return the number of records under each key by table; "" counts values that are not encrypted records."""
        return key_use(self._engine, SEALED_TABLES)

    def processes(self) -> list[StoreProcess]:
        """Return the processes that have the store open, this one included."""
        return self._presence.processes()

    def verify(self, progress: ProgressCallback = ignore_progress) -> VerificationResult:
        """Decrypt every record of every table."""
        return verify(self._engine, self._sealer, SEALED_TABLES, progress)

    def add(self) -> str:
        """Add a key and return its id.

        It is the primary key, with which every process then encrypts; raises StaleKeyring if one does not. If servers
        on several machines can have the store open, it only decrypts until a rotation, because each machine has a copy
        of the keyring; raises KeyringError if such a key was added before.
        """
        with self._presence.maintenance():
            if not self.has_copies:
                key_id = self._keyring_file().add_key(time.time())
                self._wait_for_others()
                return key_id
            if (added := self._added_key()) is not None:
                raise KeyringError(
                    f"keyring {self.keyring_path}: the key {added} was added and is not used yet",
                    hint="copy the keyring to every machine, then run `latchkey keys rotate`",
                )
            return self._add_to_copies()

    def next_key(self) -> str | None:
        """Return the key with which a rotation would continue, or None if it would add a new one.

        Raises KeyringError if the keyring is in the wrong order.
        """
        if self.has_copies and (added := self._added_key()) is not None:
            return added
        entries = self.entries()
        check_order(entries, self.keyring_path)
        return entries[0].key_id if len(unretired(entries)) > 1 else None

    def rotate(
        self, progress: ProgressCallback = ignore_progress, *, before: Callable[[], object] = lambda: None
    ) -> RotationResult:
        """Re-encrypt every record under a new key; `before` is called with the lock held, before any change.

        Raises StoreInUse and StaleKeyring as well.
        """
        with self._presence.maintenance():
            self.next_key()
            before()
            if self.has_copies:
                self._use_added_key()
            rotation = Rotation(
                self._engine,
                self._sealer,
                SEALED_TABLES,
                keyring_file=self._keyring_file,
                wait_for_others=self._wait_for_others,
                progress=progress,
            )
            return rotation.run()

    def needed_by(self, key_id: str, backups: Mapping[str, Collection[str]]) -> KeyUsers:
        """Return everything that still needs this key.

        `backups` are key ids by backup. Raises KeyringError if the keyring does not contain the key, or
        if it is the primary key.
        """
        entries = self.entries()
        primary = entries[0].key_id
        if key_id not in [entry.key_id for entry in entries]:
            raise KeyringError(
                f"keyring {self.keyring_path}: there is no key {key_id}", hint="`latchkey keys status` lists the keys"
            )
        if key_id == primary:
            raise KeyringError(
                f"keyring {self.keyring_path}: {key_id} is the primary key",
                hint="`latchkey keys rotate` replaces it, and then it can be retired",
            )
        use = self.use()
        return KeyUsers(
            records={table: counts[key_id] for table, counts in use.items() if counts[key_id]},
            backups=tuple(name for name, key_ids in backups.items() if key_id in key_ids),
            processes=tuple(process.pid for process in self.processes() if not process.encrypts_with(primary)),
        )

    def retire(
        self, key_id: str, backups: Mapping[str, Collection[str]], *, confirm: Callable[[KeyUsers], object]
    ) -> None:
        """Drop a key from the keyring; `confirm` is called with what `needed_by` returns, and raises to refuse."""
        with self._presence.maintenance():
            # A power cut could restore records under the old key that an interrupted rotation has re-encrypted.
            erase_old(self._engine)
            needed = self.needed_by(key_id, backups)
            confirm(needed)
            # The operator may have taken minutes to answer, and a process with an old keyring may have started.
            if not needed and self.needed_by(key_id, backups):
                raise KeyringError(
                    f"keyring {self.keyring_path}: the key {key_id} has come into use again, and stays",
                    hint="`latchkey keys status` shows what uses it",
                )
            self._align_file()
            self._keyring_file().drop(key_id)

    @property
    def has_copies(self) -> bool:
        """Whether other machines may have copies of the keyring."""
        return bool(self._presence.owner)

    def _added_key(self) -> str | None:
        """Return the key that was added after the primary key, and that no process encrypts with yet."""
        primary, *others = self.entries()
        newer = [key for key in others if key.retired_at is None and (key.made_at or 0.0) > (primary.made_at or 0.0)]
        return max(newer, key=lambda key: key.made_at or 0.0).key_id if newer else None

    def _add_to_copies(self) -> str:
        file = self._keyring_file()
        key_id = file.add_key(time.time(), is_primary=False)
        self._watch.use(file)
        return key_id

    def _use_added_key(self) -> None:
        """Make the added key, or a new one, the primary key, once every process has it; raises KeyringError."""
        added = self._added_key()
        if added is None:
            if len(unretired(self.entries())) > 1:
                self._align_file()  # an interrupted rotation goes on, here or on another machine
                return
            added = self._add_to_copies()
        deadline = time.monotonic() + ADOPT_TIMEOUT
        while late := [process for process in self.processes() if added not in (process.key_ids or ())]:
            if time.monotonic() > deadline:
                listed = ", ".join(f"process {process.pid} on {process.host}" for process in late)
                raise KeyringError(
                    f"not every process that has the store open has the key {added}: {listed}",
                    hint=f"copy the keyring {self.keyring_path} to every machine, then run this command again",
                )
            time.sleep(0.05)
        self._presence.set_primary_key(added)
        self._align_file()

    def _align_file(self) -> None:
        """Put the primary key of the store at the top of this machine's keyring."""
        file, primary = self._keyring_file(), self.entries()[0].key_id
        if file.keyring.primary_key.key_id != primary:
            file.make_primary(primary)

    def _keyring_file(self) -> KeyringFile:
        """Return the keyring as it is now, read again only if it has changed."""
        if not self._file.is_unchanged():
            self._file = KeyringFile(self.keyring_path)
        return self._file

    def _wait_for_others(self) -> int:
        """Wait until all other processes encrypt with the primary key, and return their number; raises StaleKeyring."""
        file = self._keyring_file()
        self._watch.use(file)
        primary = file.keyring.primary_key.key_id
        deadline = time.monotonic() + ADOPT_TIMEOUT
        while True:
            found = self.processes()
            late = [process.pid for process in found if not process.encrypts_with(primary)]
            if not late:
                return len(found) - 1
            if time.monotonic() > deadline:
                raise StaleKeyring(primary, late)
            time.sleep(0.05)
