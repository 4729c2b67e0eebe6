"""Rotation: re-encrypts every record under a new key, beside running processes that read and write them.

Invariant: whenever it is interrupted, every record can be decrypted with the
keyring as it is, and the next run continues. Hence the order: the new key is in
the keyring; every process encrypts with it; every record is re-encrypted; every
record has been decrypted with it; the old ciphertext is erased; only then are the
old keys marked as retired. They still decrypt until an operator drops them.

A record is written only if it is still what was read, so that a running server's
update is never undone and a deleted record never comes back. Each transaction
holds the write lock for a few milliseconds, then yields it for at least as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from latchkey.errors import KeyringError, StoreUnavailable, UnreadableRecord
from latchkey.storage.crypto import KeyEntry, KeyringFile, Sealer
from latchkey.storage.engine import CALL_TIMEOUT, KeyValue, Row, Swap
from latchkey.storage.rotation.erasing import erase_old
from latchkey.storage.rotation.verification import ProgressCallback, VerificationResult, pages, verify

BATCH_ROWS = 350
"""Records written in one transaction, which takes one or two milliseconds."""
LOCK_TIMEOUT = 30.0
"""Seconds for which a write to a locked store is retried."""
SETTLE_SECONDS = CALL_TIMEOUT + 0.2
"""After this time, every call that encrypted with the old key has committed or timed out."""
MAX_ROUNDS = 20


@dataclass
class RotationResult:
    """What a rotation has done."""

    key_id: str
    """The primary key, under which all records are now."""
    added: bool
    """Whether this run has created that key."""
    reencrypted: int = 0
    conflicts: int = 0
    """How many times a record changed between reading and writing, so that another round had to handle it."""
    verified: VerificationResult = field(default_factory=VerificationResult)
    retired: tuple[str, ...] = ()
    """Keys that this run has marked as retired; none if a record cannot be decrypted."""
    seconds: float = 0.0
    reencryption_seconds: float = 0.0
    """The part of `seconds` spent re-encrypting; the rest is waiting, verifying and erasing."""


def check_order(entries: Sequence[KeyEntry], keyring_path: object) -> None:
    """Raise KeyringError if the first key is not the newest of the active ones: encrypting with it undoes a rotation.

    Retired keys are not compared: their dates may come from a clock that was wrong.
    """
    first, *others = entries
    active = [entry for entry in others if entry.retired_at is None]
    newest = max(active, key=lambda entry: entry.made_at or 0.0, default=None)
    if first.retired_at is not None:
        hint = f"move the line of {newest.key_id} to the top again" if newest else "run `latchkey keys add` first"
        raise KeyringError(
            f"keyring {keyring_path}: its first key {first.key_id} is retired", hint=f"{hint}; nothing was changed"
        )
    if newest is not None and first.made_at is not None and (newest.made_at or 0.0) > first.made_at:
        raise KeyringError(
            f"keyring {keyring_path}: its first key {first.key_id} is older than {newest.key_id}",
            hint=f"move the line of {newest.key_id} to the top again; nothing was changed",
        )


def unretired(entries: Sequence[KeyEntry]) -> list[str]:
    """Return the ids of the keys that are not retired."""
    return [entry.key_id for entry in entries if entry.retired_at is None]


class Rotation:
    """One run; the caller holds the maintenance lock."""

    def __init__(
        self,
        engine: KeyValue,
        sealer: Sealer,
        tables: Sequence[str],
        *,
        keyring_file: Callable[[], KeyringFile],
        wait_for_others: Callable[[], int],
        progress: ProgressCallback,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        """`keyring_file` returns the file as it is now.

        `wait_for_others` waits until every other process encrypts with its primary key and returns
        their number, or raises StaleKeyring.
        """
        self._engine = engine
        self._sealer = sealer
        self._tables = tables
        self._keyring_file = keyring_file
        self._wait_for_others = wait_for_others
        self._progress = progress
        self._batch_rows = batch_rows
        self._next_write = 0.0

    def run(self) -> RotationResult:
        """Start or continue a rotation. Raises KeyringError, StaleKeyring or StoreUnavailable, keeping what was done.

        If a record cannot be decrypted, the others are re-encrypted nevertheless, and no key is retired.
        """
        started = time.monotonic()
        result = self._ensure_new_key()
        others = self._wait_for_others()
        settled_at = time.monotonic() + (SETTLE_SECONDS if others else 0.0)
        self._reencrypt_until_verified(result, settled_at)
        if not result.verified.unreadable:
            erase_old(self._engine)
            result.retired = self._retire_old_keys(result.key_id)
        result.seconds = time.monotonic() - started
        return result

    def _ensure_new_key(self) -> RotationResult:
        """Add a key, unless an interrupted run or `keys add` has already added one."""
        file = self._keyring_file()
        if len(unretired(file.entries)) > 1:
            return RotationResult(file.keyring.primary_key.key_id, added=False)
        return RotationResult(file.add_key(time.time()), added=True)

    def _retire_old_keys(self, primary: str) -> tuple[str, ...]:
        file = self._keyring_file()
        old = [key_id for key_id in unretired(file.entries) if key_id != primary]
        file.mark_retired(old, time.time())
        return tuple(old)

    def _reencrypt_until_verified(self, result: RotationResult, settled_at: float) -> None:
        for _ in range(MAX_ROUNDS):
            started = time.monotonic()
            self._reencrypt_all(result)
            result.reencryption_seconds += time.monotonic() - started
            # A process started in the meantime may have an old copy of the keyring.
            self._wait_for_others()
            time.sleep(max(0.0, settled_at - time.monotonic()))
            result.verified = verify(self._engine, self._sealer, self._tables, self._progress)
            if not result.verified.stale:
                return
        raise StoreUnavailable(
            "contended",
            "a process keeps encrypting records with an old key",
            hint="restart that process; `latchkey keys status` lists those that have the store open",
        )

    def _reencrypt_all(self, result: RotationResult) -> None:
        """Go through all tables once; raises StoreUnavailable if the store stays locked or is broken."""
        done, total = 0, sum(self._engine.count(table) for table in self._tables)
        for table in self._tables:
            for rows in pages(self._engine, table, self._batch_rows):
                swaps = self._reencrypted(table, rows)
                written = self._write(table, swaps) if swaps else 0
                result.reencrypted += written
                result.conflicts += len(swaps) - written
                done += len(rows)
                self._progress("re-encrypted", done, max(total, done))

    def _reencrypted(self, table: str, rows: Sequence[Row]) -> list[Swap]:
        """Return the new values of those rows that need one; unreadable ones are left to the verification."""
        swaps = []
        reencrypt, is_current = self._sealer.reencrypt, self._sealer.is_under_primary_key
        for record_id, sealed in rows:
            if is_current(sealed):
                continue
            try:
                swaps.append(Swap(reencrypt(table, record_id, sealed), record_id, sealed))
            except UnreadableRecord:
                continue
        return swaps

    def _write(self, table: str, swaps: Sequence[Swap]) -> int:
        """Write them after yielding the lock; returns the number of records that had not changed meanwhile."""
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            # Reading and re-encrypting hold no lock, so usually there is nothing left to wait for.
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
