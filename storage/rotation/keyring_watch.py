"""Makes a running process use the keys that its keyring file holds now.

Invariant: a process never drops its primary key because the file lacks it. If the
file becomes unreadable, malformed or foreign, one error is logged, and the keys
in memory stay in use.
"""

from __future__ import annotations

import logging
import os
import threading

from latchkey.errors import KeyringError
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer
from latchkey.storage.engine import Presence, version_of

CHECK_INTERVAL = 0.25
"""Seconds between checks of the file's status, which take microseconds."""

NOT_PUBLISHED = "cannot publish the keys to other processes: {}"

logger = logging.getLogger("latchkey.storage")


class KeyringWatch:
    """Follows one keyring file: on each `check`, and in a thread of its own once started."""

    def __init__(
        self, file: KeyringFile, sealer: Sealer, presence: Presence, *, interval: float = CHECK_INTERVAL
    ) -> None:
        """`sealer` gets the keys, and `presence` publishes them to other processes: now, or as soon as it can."""
        self._path = file.path
        self._sealer = sealer
        self._presence = presence
        self._interval = interval
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = file.version
        self._primary = presence.primary_key()
        self._complaint = ""
        self._published: tuple[str, ...] = ()
        self._closed = threading.Event()
        try:
            self._publish(sealer.keyring.key_ids)
        except OSError as error:
            self._complain(NOT_PUBLISHED.format(error.strerror))
        sealer.on_unknown_key = self.check

    def start(self) -> None:
        """Check the file every `interval` seconds, in a thread."""
        threading.Thread(target=self._follow, name="keyring-watch", daemon=True).start()

    def check(self, *, retry: bool = False) -> None:
        """Use the file's keys if it has changed since it was last read; otherwise this costs one `stat`.

        With `retry`, a file that could not be used is read again even if it has not changed.
        """
        with self._lock:
            version = self._version()
            is_unchanged = version == self._seen and self._presence.primary_key() == self._primary
            if self._closed.is_set() or (is_unchanged and not (retry and self._complaint)):
                return
            self._seen = version
            try:
                self._take(KeyringFile(self._path).keyring)
            except KeyringError as error:
                self._complain(f"{error}; the keys read before stay in use")
            except OSError as error:
                self._complain(NOT_PUBLISHED.format(error.strerror))
            else:
                self._complaint = ""

    def use(self, file: KeyringFile) -> None:
        """Use the keys of a file that the caller has just read or written; raises KeyringError."""
        with self._lock:
            try:
                self._take(file.keyring)
            except OSError as error:
                raise KeyringError(NOT_PUBLISHED.format(error.strerror)) from None
            self._seen = file.version

    def close(self) -> None:
        """Stop checking. Closing twice is harmless."""
        self._closed.set()
        with self._lock:  # a check in progress may still publish
            self._sealer.on_unknown_key = None

    def _follow(self) -> None:
        while not self._closed.is_set():
            # A failure for lack of descriptors or space may end without a change of the file.
            self.check(retry=True)
            self._closed.wait(self._interval)

    def _version(self) -> tuple[int, ...] | None:
        try:
            return version_of(os.stat(self._path))
        except OSError:
            return None

    def _take(self, keyring: Keyring) -> None:
        self._primary = self._presence.primary_key()
        if self._primary is not None and self._primary not in keyring.key_ids:
            raise KeyringError(f"keyring {self._path}: lacks the primary key of the store ({self._primary})")
        keyring = keyring.led_by(self._primary)
        primary = self._sealer.keyring.primary_key.key_id
        if primary not in keyring.key_ids:
            raise KeyringError(f"keyring {self._path}: does not contain the primary key in use ({primary})")
        if keyring.key_ids != self._sealer.keyring.key_ids:
            self._sealer.use(keyring)
            logger.info(
                "keyring reloaded: primary key %s, decrypts with %s", keyring.key_ids[0], ", ".join(keyring.key_ids)
            )
        if keyring.key_ids != self._published:
            self._publish(keyring.key_ids)  # only once they are in use

    def _publish(self, key_ids: tuple[str, ...]) -> None:
        """Raises OSError; until it succeeds, a rotation does not count on this process."""
        self._presence.publish(key_ids)
        self._published = key_ids

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            logger.error("%s", complaint)
