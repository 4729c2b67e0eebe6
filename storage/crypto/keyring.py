"""The keyring: one Fernet key a line, newest first; the first one seals, all of them open.

Rule: a key never leaves this folder and is shown by its id alone. Blank lines
and lines that begin with `#` are comments; `storage.keyring_file` keeps what it
knows of a key in such a line.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.errors import KeyringError
from latchkey.storage.engine import create_private_file

KEY_BYTES = 32
"""A Fernet key: 16 bytes to sign with, 16 to encrypt with (the Fernet specification)."""
KEY_ID_LENGTH = 16
"""Hexadecimal digits of a key id."""
LONGEST_KEYRING = 1 << 16
"""Bytes. A larger file is something else that the path names by mistake."""
DATE = "%Y-%m-%dT%H:%M:%SZ"
"""How a date stands in the file: in UTC, to the second."""

HEADER = """\
# Latchkey's encryption keys, one a line, newest first. The first one seals new records.
# Without these keys the stored tokens are lost: keep a copy elsewhere, apart from the backups.
"""


@dataclass(frozen=True)
class Key:
    """One encryption key; `key_id` may be shown, the key itself never is."""

    key_id: str
    _material: bytes = field(repr=False, compare=False)

    def reveal(self) -> bytes:
        """Return the key as Fernet takes it: 32 bytes in URL-safe base64."""
        return self._material


@dataclass(frozen=True)
class Keyring:
    """The keys in the file's order; there is always at least one."""

    keys: tuple[Key, ...]

    @property
    def sealing_key(self) -> Key:
        return self.keys[0]

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(key.key_id for key in self.keys)


def key_id(material: bytes) -> str:
    """Return the id of a key: 64 bits of a hash, too few to help anyone find 256 random bits."""
    return hashlib.sha256(b"latchkey key id\0" + material).hexdigest()[:KEY_ID_LENGTH]


def read_keyring(path: Path) -> Keyring:
    """Return the keyring in this file.

    Raises KeyringError where it is missing, open to others, empty, or holds a line that is no key;
    the message names the line by its number and never shows it.
    """
    return parse_keyring(path, load_keyring(path)[0])


def load_keyring(path: Path) -> tuple[bytes, os.stat_result]:
    """Return what stands in the file, and which file that was; raises KeyringError where it may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyringError(f"keyring {path}: {error.strerror}", hint="put the keyring back from its copy") from None
    try:
        status = os.fstat(descriptor)
        _check_mode(path, status)
        content = os.read(descriptor, LONGEST_KEYRING + 1)
    finally:
        os.close(descriptor)
    if len(content) > LONGEST_KEYRING:
        raise KeyringError(f"keyring {path}: larger than {LONGEST_KEYRING} bytes, so it is no keyring")
    return content, status


def generate_key() -> Key:
    """Return a new key, which is in no file yet."""
    material = base64.urlsafe_b64encode(os.urandom(KEY_BYTES))
    return Key(key_id(material), material)


def create_keyring(path: Path, keyring: Keyring, made_at: float) -> None:
    """Write a new file, readable by its owner alone; `made_at` is when its keys were made, in Unix seconds.

    Raises FileExistsError where there is a file already: a keyring is never overwritten.
    """
    lines = [note_line(key.key_id, made_at, None) + key.reveal() + b"\n" for key in keyring.keys]
    create_private_file(path, HEADER.encode() + b"".join(lines))


def note_line(identity: str, made_at: float | None, retired_at: float | None) -> bytes:
    """Return the comment that stands above a key: its id, and when it was made and retired, as far as is known."""
    made = "" if made_at is None else f" made {_date(made_at)}"
    retired = "" if retired_at is None else f" retired {_date(retired_at)}"
    return f"# {identity}{made}{retired}\n".encode()


def key_in_line(line: bytes) -> Key | None:
    """Return the key that stands in a line, or None where it is blank, a comment, or no key."""
    text = line.strip()
    material = None if not text or text.startswith(b"#") else _canonical(text)
    return None if material is None else Key(key_id(material), material)


def _date(seconds: float) -> str:
    return time.strftime(DATE, time.gmtime(seconds))


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyringError(f"keyring {path}: not a regular file")
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyringError(
            f"keyring {path}: mode {stat.S_IMODE(status.st_mode):04o} lets others read or change it",
            hint=f"chmod 600 {path}, and think of its keys as known to whoever could read it",
        )


def parse_keyring(path: Path, content: bytes) -> Keyring:
    """Return the keyring that stands in this content of the file; raises KeyringError."""
    keys: list[Key] = []
    for number, line in enumerate(content.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        found = key_in_line(line)
        if found is None:
            raise KeyringError(
                f"keyring {path}, line {number}: not a Fernet key (32 bytes in URL-safe base64)",
                hint="restore the line from the keyring's copy; a record under a lost key cannot be opened",
            )
        if found in keys:
            raise KeyringError(f"keyring {path}, line {number}: this key stands in the file already")
        keys.append(found)
    if not keys:
        raise KeyringError(f"keyring {path}: holds no key", hint="put the keyring back from its copy")
    return Keyring(tuple(keys))


def _canonical(text: bytes) -> bytes | None:
    """Return the key in its one canonical spelling, so that it has one id, or None where it is no key."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.urlsafe_b64encode(raw) if len(raw) == KEY_BYTES else None
