"""Errors of the store and of its keyring."""

from __future__ import annotations

from collections.abc import Sequence

from latchkey.errors.base import LatchkeyError


class KeyringError(LatchkeyError):
    """The keyring file is missing, accessible to other users, or contains a line that is not a key.

    The message gives the line's number, never its content, because the line may be a mistyped key.
    """


class StoreError(LatchkeyError):
    """Base class of storage's errors."""

    http_status = 503


class StoreRefused(StoreError):
    """The store is not safe to open: not a Latchkey store, empty, missing, or encrypted with keys that are missing."""


class StoreExposed(StoreRefused):
    """Other users can read the store's files, or replace files in its folder or the keyring's."""


class KeysMissing(StoreRefused):
    """The keyring lacks keys that the store's records need; `missing` and `present` are key ids."""

    def __init__(
        self, store: object, keyring: object, *, missing: Sequence[str], present: Sequence[str], what: str = "store"
    ) -> None:
        super().__init__(
            f"the {what} {store} needs the key ids {', '.join(missing)}, which {keyring} lacks"
            f" (it has {', '.join(present)})",
            hint="restore the missing keys from the copy of the keyring, or use a backup that needs only the present"
            " keys; nothing was changed",
        )
        self.missing = tuple(missing)
        self.present = tuple(present)


class StoreUnavailable(StoreError):
    """The store does not respond: it is locked, full, read-only, replaced or damaged, or the call timed out.

    `reason` is one word, used as a metric label. If it is `timeout` or `uncertain`, a write may have been committed;
    with every other reason it was not.
    """

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnreadableRecord(StoreError):
    """A record cannot be decrypted: its key is missing, or it was changed, or moved here from another table or id."""

    def __init__(self, table: str, record_id: str, key_id: str | None, reason: str) -> None:
        super().__init__(
            f"record {record_id!r} of {table} (key id {key_id or 'unknown'}): {reason}",
            hint="the record is unchanged; restore its key, or restore a backup",
        )
        self.table = table
        self.record_id = record_id
        self.key_id = key_id
        self.reason = reason


class SourceError(LatchkeyError):
    """Installations cannot be read from another program's store or an export, or an export cannot be written."""


class StaleKeyring(LatchkeyError):
    """Processes with the store open still encrypt with an older key than the primary one; `pids` are their ids."""

    def __init__(self, key_id: str, pids: Sequence[int]) -> None:
        listed = ", ".join(map(str, pids))
        super().__init__(
            f"processes that have the store open still encrypt with an older key than {key_id} (pid {listed})",
            hint="restart them; they may read a copy of the keyring, such as a systemd credential. Then run the command"
            " again: `latchkey keys rotate` continues with the same key",
        )
        self.key_id = key_id
        self.pids = tuple(pids)


class StoreInUse(LatchkeyError):
    """Another command holds the lock on changing this store's keys or replacing its records."""

    exit_code = 4

    def __init__(self, store: str) -> None:
        super().__init__(
            f"another command is using the store {store}", hint="wait until it ends, then run this one again"
        )
