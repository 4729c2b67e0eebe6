"""Rotation: every record under a new key, beside running processes that read and write them.

Rule: wherever it is cut off, every record opens with the keyring as it is, and
the next run goes on. So the order is: the new key is in the keyring; every
process seals with it; every record is sealed again; every record has been
opened under it; nothing of the old ciphertext is left; then, and only then, the
old keys are marked as retired. They go on opening until somebody drops them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from latchkey.errors import KeyringError, StoreUnavailable
from latchkey.storage.crypto import KeyEntry, KeyringFile, Sealer
from latchkey.storage.engine import CALL_TIMEOUT, KeyValue
from latchkey.storage.progress import ProgressCallback
from latchkey.storage.rotation.resealing import BATCH, Resealing
from latchkey.storage.rotation.verification import Findings, verify

SETTLE_SECONDS = CALL_TIMEOUT + 0.2
"""After so long, a call that had sealed under the old key before its process took the new one has ended."""
MOST_ROUNDS = 20
ERASE_SECONDS = 30.0
"""How long the -wal is tried to be cut while readers stand in the way."""


@dataclass
class Rotated:
    """What a rotation has done."""

    key_id: str
    """The key under which everything is now."""
    added: bool
    """Whether that key was made by this run, and not by an earlier one."""
    resealed: int = 0
    conflicts: int = 0
    """How often a record was written by another process just then, and looked at again."""
    findings: Findings = field(default_factory=Findings)
    """What opening every record has shown."""
    retired: tuple[str, ...] = ()
    """Keys that this run has marked as retired; none where a record could not be opened."""
    seconds: float = 0.0
    resealing_seconds: float = 0.0
    """Of these, the time in which records were sealed again; the rest is waiting, opening all of them, and erasing."""


def check_order(entries: Sequence[KeyEntry], keyring_path: object) -> None:
    """Raise KeyringError where the first key is not the newest: sealing everything with it would undo a rotation."""
    first, *others = entries
    hint = "put the newest key's line first, as it was; nothing was changed"
    if first.retired_at is not None:
        raise KeyringError(f"keyring {keyring_path}: its first key {first.key_id} is retired", hint=hint)
    for other in others:
        if first.made_at is not None and other.made_at is not None and other.made_at > first.made_at:
            raise KeyringError(
                f"keyring {keyring_path}: its first key {first.key_id} is older than {other.key_id}", hint=hint
            )


def in_use(entries: Sequence[KeyEntry]) -> list[str]:
    """Return the ids of the keys that are not retired."""
    return [entry.key_id for entry in entries if entry.retired_at is None]


def erase_old(engine: KeyValue) -> None:
    """Put all that was sealed again on disk, and erase what it replaces; raises StoreUnavailable where readers stand
    in the way for too long.
    """
    deadline = time.monotonic() + ERASE_SECONDS
    pause = 0.05
    while not engine.erase_log():
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                "locked",
                "old ciphertext is still in the -wal: somebody reads in the store",
                hint="end what reads the store's file for so long, then run this command again",
            )
        time.sleep(pause)
        pause = min(1.0, 2 * pause)


class Rotation:
    """One run. Whoever makes it holds the maintenance lock."""

    def __init__(
        self,
        engine: KeyValue,
        sealer: Sealer,
        tables: Sequence[str],
        *,
        read_file: Callable[[], KeyringFile],
        wait_for_others: Callable[[], int],
        progress: ProgressCallback,
        batch: int = BATCH,
    ) -> None:
        """`wait_for_others` returns how many other processes seal with the first key, or raises KeysNotTaken."""
        self._engine = engine
        self._sealer = sealer
        self._tables = tables
        self._read_file = read_file
        self._wait_for_others = wait_for_others
        self._progress = progress
        self._resealing = Resealing(engine, sealer, tables, progress, batch=batch)

    def run(self) -> Rotated:
        """Carry it out, or on. Raises KeyringError, KeysNotTaken or StoreUnavailable; what was done until then stays.

        Where a record cannot be opened, the others are sealed again all the same, and no key is retired.
        """
        begun = time.monotonic()
        rotated = self._first_key()
        others = self._wait_for_others()
        settled_at = time.monotonic() + (SETTLE_SECONDS if others else 0.0)
        self._reseal_all(rotated, settled_at)
        if not rotated.findings.unreadable:
            erase_old(self._engine)
            file = self._read_file()
            old = [key_id for key_id in in_use(file.entries) if key_id != rotated.key_id]
            file.mark_retired(old, time.time())
            rotated.retired = tuple(old)
        rotated.seconds = time.monotonic() - begun
        return rotated

    def _first_key(self) -> Rotated:
        """Make a new key, unless one is there that an earlier run, or `keys add`, has made for this."""
        file = self._read_file()
        if len(in_use(file.entries)) > 1:
            return Rotated(file.keyring.sealing_key.key_id, added=False)
        return Rotated(file.add_key(time.time()), added=True)

    def _reseal_all(self, rotated: Rotated, settled_at: float) -> None:
        for _ in range(MOST_ROUNDS):
            begun = time.monotonic()
            done = self._resealing.run()
            rotated.resealing_seconds += time.monotonic() - begun
            rotated.resealed += done.resealed
            rotated.conflicts += done.conflicts
            # A process that was started since may have an old copy of the keyring.
            self._wait_for_others()
            time.sleep(max(0.0, settled_at - time.monotonic()))
            rotated.findings = verify(self._engine, self._sealer, self._tables, self._progress)
            if not rotated.findings.stale:
                return
        raise StoreUnavailable(
            "contended",
            "records are sealed under an old key again and again",
            hint="find the process that does it and restart it; `latchkey keys status` lists who has the store open",
        )
