"""The keyring as a file that commands change: a key is put in front, marked retired, or dropped.

Rule: the file is replaced whole or not at all, and a key that stood in it is
missing from the new one only where it was told to be dropped. What is known of
a key stands in a comment above it, by the key's id:

    # 0123456789abcdef made 2026-11-24T20:31:00Z retired 2026-11-25T09:00:00Z

All other comments stay as they are. A keyring that was written by hand needs
none of this: of its keys it is not known when they were made.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import KeyringError
from latchkey.storage.crypto.keyring import (
    DATE,
    HEADER,
    KEY_ID_LENGTH,
    Key,
    Keyring,
    generate_key,
    key_in_line,
    load_keyring,
    note_line,
    parse_keyring,
)
from latchkey.storage.engine import replace_private_file

_DATE = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_NOTE = re.compile(rb"#\s*([0-9a-f]{%d})(?: made (%s))?(?: retired (%s))?\s*" % (KEY_ID_LENGTH, _DATE, _DATE))


class KeyEntry(NamedTuple):
    """What is known of one key of the keyring."""

    key_id: str
    made_at: float | None
    """Unix seconds; None: nobody wrote it down."""
    retired_at: float | None
    """Unix seconds; None: it is not retired."""


class KeyringFile:
    """One reading of a keyring, and the changes that may be made to it."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises KeyringError. A link is followed, so that the file is replaced and not the link."""
        self._path = path.resolve()
        content, self._status = load_keyring(self._path)
        self._lines = content.splitlines(keepends=True)
        self.keyring: Keyring = parse_keyring(self._path, content)

    @property
    def entries(self) -> tuple[KeyEntry, ...]:
        """What is known of each key, in the file's order; the first one seals."""
        notes = {note[1].decode(): note for line in self._lines if (note := _NOTE.fullmatch(line))}
        return tuple(
            KeyEntry(name, _seconds(notes[name][2]), _seconds(notes[name][3]))
            if name in notes
            else KeyEntry(name, None, None)
            for name in self.keyring.key_ids
        )

    def add_key(self, now: float) -> str:
        """Put a new key in front, which seals from then on; returns its id. Raises KeyringError."""
        key = generate_key()
        header = HEADER.encode().splitlines(keepends=True)
        at = len(header) if self._lines[: len(header)] == header else 0
        new = [note_line(key.key_id, now, None), key.reveal() + b"\n"]
        self._write([*self._lines[:at], *new, *self._lines[at:]], (key, *self.keyring.keys))
        return key.key_id

    def mark_retired(self, key_ids: Collection[str], now: float) -> None:
        """Write down that these keys are retired: they still open, until they are dropped. Raises KeyringError."""
        made = {entry.key_id: entry.made_at for entry in self.entries}
        lines: list[bytes] = []
        for line in self._lines:
            if self._is_note_of(line, key_ids):
                continue
            key = key_in_line(line)
            if key is not None and key.key_id in key_ids:
                lines.append(note_line(key.key_id, made[key.key_id], now))
            lines.append(line)
        self._write(lines, self.keyring.keys)

    def drop(self, key_id: str) -> None:
        """Take a key out of the file; what it sealed can be opened by nobody then. Raises KeyringError."""
        if key_id not in self.keyring.key_ids[1:]:
            raise KeyringError(f"keyring {self._path}: key {key_id} is not there, or is the one that seals")
        lines = [line for line in self._lines if not self._is_note_of(line, [key_id]) and not _holds(line, key_id)]
        self._write(lines, tuple(key for key in self.keyring.keys if key.key_id != key_id))

    def _is_note_of(self, line: bytes, key_ids: Collection[str]) -> bool:
        note = _NOTE.fullmatch(line)
        return note is not None and note[1].decode() in key_ids

    def _write(self, lines: list[bytes], keys: tuple[Key, ...]) -> None:
        content = b"".join(lines)
        if parse_keyring(self._path, content).keys != keys:
            raise KeyringError(
                f"keyring {self._path}: could not be rewritten without losing a key; it is left as it is"
            )
        try:
            replace_private_file(self._path, content, self._status)
        except PermissionError:
            raise KeyringError(
                f"keyring {self._path}: it belongs to another user, and is left as it is",
                hint="run the command as root, or as the keyring's owner",
            ) from None
        except OSError as error:
            raise KeyringError(f"keyring {self._path}: it is left as it is: {error.strerror}") from None


def _holds(line: bytes, key_id: str) -> bool:
    key = key_in_line(line)
    return key is not None and key.key_id == key_id


def _seconds(date: bytes | None) -> float | None:
    try:
        return None if date is None else float(calendar.timegm(time.strptime(date.decode(), DATE)))
    except ValueError:  # a day that no calendar has
        return None
