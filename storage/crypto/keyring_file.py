"""Changes the keyring file: adds a primary key, marks keys as retired, drops a key.

Invariant: the file is replaced as a whole or not at all, and the new one contains
every key of the old one, except a key that was explicitly dropped. A comment above
each key notes when it was generated and retired:

    # 0123456789abcdef made 2026-11-24T20:31:00Z retired 2026-11-25T09:00:00Z

All other comments are kept. A keyring written by hand needs no such notes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from latchkey.errors import KeyringError
from latchkey.storage.crypto.keyring import (
    FORMER_HEADERS,
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
from latchkey.storage.engine import acting_as_owner_of, replace_private_file, version_of

_DATE = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_NOTE = re.compile(rb"#\s*([0-9a-f]{%d})(?: made (%s))?(?: retired (%s))?\s*" % (KEY_ID_LENGTH, _DATE, _DATE))


class KeyEntry(NamedTuple):
    """What the keyring says of one key."""

    key_id: str
    made_at: float | None
    """When it was generated, in Unix seconds; None if unknown."""
    retired_at: float | None
    """When it was retired, in Unix seconds; None if it is not."""


class KeyringFile:
    """A keyring as it was last read or written by this object."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises KeyringError. A symbolic link is followed: changes replace its target."""
        self.path = path
        self._path = path.resolve()
        content, self._status = load_keyring(path)
        self._lines = content.splitlines(keepends=True)
        self.keyring: Keyring = parse_keyring(self._path, content)

    @property
    def version(self) -> tuple[int, ...]:
        """A value that differs once the file has changed; see `version_of`."""
        return version_of(self._status)

    def is_unchanged(self) -> bool:
        """Whether the file is still what this object holds; costs one `stat`."""
        try:
            return version_of(os.stat(self.path)) == self.version
        except OSError:
            return False

    @property
    def entries(self) -> tuple[KeyEntry, ...]:
        """What the file says of each key, in its order; the first one is the primary key."""
        notes = {note[1].decode(): note for line in self._lines if (note := _NOTE.fullmatch(line))}
        return tuple(
            KeyEntry(name, _seconds(notes[name][2]), _seconds(notes[name][3]))
            if name in notes
            else KeyEntry(name, None, None)
            for name in self.keyring.key_ids
        )

    def add_key(self, now: float, *, is_primary: bool = True) -> str:
        """Add a new key, the primary one or the last, and return its id; raises KeyringError.

        Its date is `now`, in Unix seconds, but later than those of the other keys, also if the clock was set back.
        """
        key = generate_key()
        at = self._header_length()
        made_at = max([now, *(entry.made_at + 1 for entry in self.entries if entry.made_at is not None)])
        new = [note_line(key.key_id, made_at, None), key.reveal() + b"\n"]
        if is_primary:
            self._write([*self._lines[:at], *new, *self._lines[at:]], (key, *self.keyring.keys))
        else:
            self._write([*_ended(self._lines), *new], (*self.keyring.keys, key))
        return key.key_id

    def make_primary(self, key_id: str) -> None:
        """Move a key to the top. Raises KeyringError."""
        moved = [line for line in self._lines if self._is_note_of(line, [key_id]) or _holds(line, key_id)]
        others = [line for line in self._lines if line not in moved]
        at = self._header_length()
        self._write([*others[:at], *_ended(moved), *others[at:]], self.keyring.led_by(key_id).keys)

    def mark_retired(self, key_ids: Collection[str], now: float) -> None:
        """Mark these keys as retired: they still decrypt, until they are dropped. Raises KeyringError."""
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
        """Remove a key from the file: its records can no longer be decrypted. Raises KeyringError."""
        if key_id not in self.keyring.key_ids[1:]:
            raise KeyringError(f"keyring {self._path}: does not contain the key {key_id}, or it is the primary key")
        lines = [line for line in self._lines if not self._is_note_of(line, [key_id]) and not _holds(line, key_id)]
        self._write(lines, tuple(key for key in self.keyring.keys if key.key_id != key_id))

    def _header_length(self) -> int:
        for header in (HEADER, *FORMER_HEADERS):
            lines = header.encode().splitlines(keepends=True)
            if self._lines[: len(lines)] == lines:
                return len(lines)
        return 0

    def _is_note_of(self, line: bytes, key_ids: Collection[str]) -> bool:
        note = _NOTE.fullmatch(line)
        return note is not None and note[1].decode() in key_ids

    def _write(self, lines: list[bytes], keys: tuple[Key, ...]) -> None:
        content = b"".join(lines)
        if parse_keyring(self._path, content).keys != keys:
            raise KeyringError(f"keyring {self._path}: cannot be rewritten without losing a key; nothing was changed")
        try:
            with acting_as_owner_of(self.path):
                self._status = replace_private_file(self._path, content, self._status)
        except PermissionError:
            raise KeyringError(
                f"keyring {self._path}: it belongs to another user; nothing was changed",
                hint="run the command as root, or as the owner of the keyring and its folder",
            ) from None
        except OSError as error:
            raise KeyringError(
                f"keyring {self._path}: cannot be replaced: {error.strerror}; nothing was changed"
            ) from None
        self._lines = lines
        self.keyring = Keyring(keys)


def _ended(lines: list[bytes]) -> list[bytes]:
    """Return the lines, the last one with its end, which an editor may have left out."""
    return [*lines[:-1], lines[-1].rstrip(b"\r\n") + b"\n"] if lines else []


def _holds(line: bytes, key_id: str) -> bool:
    key = key_in_line(line)
    return key is not None and key.key_id == key_id


def _seconds(date: bytes | None) -> float | None:
    try:
        return None if date is None else datetime.fromisoformat(date.decode()).timestamp()
    except ValueError:  # such as 31 February
        return None
