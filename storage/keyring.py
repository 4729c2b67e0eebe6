"""The keyring: one Fernet key a line, newest first; the first one seals, all of them open.

Rule: a key never leaves this folder and is shown by its id alone. Blank lines
and lines that begin with `#` are comments.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from errors import KeyringError
from storage.files import create_private_file

KEY_BYTES = 32
"""A Fernet key: 16 bytes to sign with, 16 to encrypt with (the Fernet specification)."""
KEY_ID_LENGTH = 16
"""Hexadecimal digits of a key id."""
LONGEST_KEYRING = 1 << 16
"""Bytes. A larger file is something else that the path names by mistake."""

_HEADER = """\
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
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyringError(f"keyring {path}: {error.strerror}", hint="put the keyring back from its copy") from None
    try:
        _check_mode(path, os.fstat(descriptor))
        content = os.read(descriptor, LONGEST_KEYRING + 1)
    finally:
        os.close(descriptor)
    if len(content) > LONGEST_KEYRING:
        raise KeyringError(f"keyring {path}: larger than {LONGEST_KEYRING} bytes, so it is no keyring")
    return _parse(path, content)


def generate_keyring() -> Keyring:
    """Return a keyring of one new key, which is in no file yet."""
    material = base64.urlsafe_b64encode(os.urandom(KEY_BYTES))
    return Keyring((Key(key_id(material), material),))


def create_keyring(path: Path, keyring: Keyring) -> None:
    """Write a new file, readable by its owner alone.

    Raises FileExistsError where there is a file already: a keyring is never overwritten.
    """
    create_private_file(path, _HEADER.encode() + b"".join(key.reveal() + b"\n" for key in keyring.keys))


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyringError(f"keyring {path}: not a regular file")
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyringError(
            f"keyring {path}: mode {stat.S_IMODE(status.st_mode):04o} lets others read or change it",
            hint=f"chmod 600 {path}, and think of its keys as known to whoever could read it",
        )


def _parse(path: Path, content: bytes) -> Keyring:
    keys: list[Key] = []
    for number, line in enumerate(content.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        material = _canonical(text)
        if material is None:
            raise KeyringError(
                f"keyring {path}, line {number}: not a Fernet key (32 bytes in URL-safe base64)",
                hint="restore the line from the keyring's copy; a record under a lost key cannot be opened",
            )
        identity = key_id(material)
        if any(key.key_id == identity for key in keys):
            raise KeyringError(f"keyring {path}, line {number}: this key stands in the file already")
        keys.append(Key(identity, material))
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
