"""A running process takes up the keys that its keyring file holds now.

Rule: a process never gives up the key that it seals with for a keyring that
lacks it. A file that has become unreadable, malformed or foreign is told once,
in the log, and the keys in memory go on being used.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from latchkey.errors import KeyringError
from latchkey.storage.crypto import Keyring, Sealer, read_keyring
from latchkey.storage.engine import OpenMark, version_of

LOOK_SECONDS = 0.25
"""How often the file's status is looked at: some microseconds each time."""

logger = logging.getLogger("latchkey.storage")


class KeyringWatch:
    """Follows one keyring file in a thread of its own, and whenever it is asked to."""

    def __init__(self, path: Path, sealer: Sealer, mark: OpenMark, *, seconds: float = LOOK_SECONDS) -> None:
        """`sealer` gets the keys, and `mark` tells others which they are."""
        self._path = path
        self._sealer = sealer
        self._mark = mark
        self._seconds = seconds
        self._lock = threading.Lock()
        # The file may have changed since the sealer's keys were read: the first look reads it.
        self._seen: tuple[int, ...] | None = ()
        self._complaint = ""
        self._told = sealer.keyring.key_ids
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="keyring-watch", daemon=True)
        sealer.on_unknown_key = self.look

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """Take up what the file holds, if it is another one than was read last; costs one `stat` where it is not."""
        self._look(again=False)

    def close(self) -> None:
        """Look no more. Closing twice is fine."""
        self._closed.set()
        with self._lock:  # what is under way may still write to the mark
            self._sealer.on_unknown_key = None

    def _follow(self) -> None:
        while not self._closed.is_set():
            # What failed for want of a descriptor or of space succeeds one day without a change of the file.
            self._look(again=True)
            self._closed.wait(self._seconds)

    def _look(self, *, again: bool) -> None:
        with self._lock:
            version = self._version()
            if self._closed.is_set() or (version == self._seen and not (again and self._complaint)):
                return
            self._seen = version
            try:
                self._take(read_keyring(self._path))
            except KeyringError as error:
                self._complain(f"{error}; the keys that were read before stay in use")
            except OSError as error:
                self._complain(f"other processes cannot be told of the keys: {error.strerror}")
            else:
                self._complaint = ""

    def _version(self) -> tuple[int, ...] | None:
        try:
            return version_of(os.stat(self._path))
        except OSError:
            return None

    def _take(self, keyring: Keyring) -> None:
        sealing = self._sealer.keyring.sealing_key.key_id
        if sealing not in keyring.key_ids:
            raise KeyringError(f"keyring {self._path}: lacks the key {sealing}, which seals here")
        if keyring.key_ids != self._sealer.keyring.key_ids:
            self._sealer.use(keyring)
            logger.info(
                "the keyring has changed: %s seals, and %s opens",
                keyring.key_ids[0],
                " or ".join(keyring.key_ids),
            )
        if keyring.key_ids != self._told:
            # Only now: what is told is what is sealed with.
            self._mark.tell(keyring.key_ids)
            self._told = keyring.key_ids

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            logger.error("%s", complaint)
