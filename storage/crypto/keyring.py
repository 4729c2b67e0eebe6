"""The keyring: one Fernet key per line, newest first. The first is the primary key, which encrypts; all decrypt.

Invariant: a key never leaves this folder, and is shown only by its id. Blank
lines and lines that begin with `#` are comments; `crypto.keyring_file` keeps its
notes on keys in such lines.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from latchkey.errors import KeyringError
from latchkey.storage.engine import acting_as_owner_of, create_private_file

KEY_BYTES = 32
"""A Fernet key: 16 bytes to sign with, 16 to encrypt with (the Fernet specification)."""
MIN_DISTINCT_BYTES = 8
"""A key with fewer different bytes is a placeholder, such as all zeros: random keys never have so few."""
KEY_ID_LENGTH = 16
"""Hexadecimal digits of a key id."""
MAX_KEYRING_BYTES = 1 << 16
"""A larger file is something else, named by mistake."""
DATE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""Of dates in the file: UTC, to the second."""

HEADER = """\
# Latchkey's encryption keys, one per line, newest first. The first one encrypts new records.
# Without these keys the stored tokens are lost: keep a copy elsewhere, apart from the backups.
"""
FORMER_HEADERS = (
    """\
# Latchkey's encryption keys, one a line, newest first. The first one seals new records.
# Without these keys the stored tokens are lost: keep a copy elsewhere, apart from the backups.
""",
)
"""Headers of keyrings that earlier versions have written."""


@dataclass(frozen=True)
class Key:
    """One encryption key; `key_id` may be shown, the key itself never."""

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
    def primary_key(self) -> Key:
        return self.keys[0]

    def led_by(self, key_id: str | None) -> Keyring:
        """Return the same keys with this one first; unchanged if it is None or not among them."""
        first = tuple(key for key in self.keys if key.key_id == key_id)
        return Keyring((*first, *(key for key in self.keys if key.key_id != key_id)))

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(key.key_id for key in self.keys)


def key_id(material: bytes) -> str:
    """Return the id of a key: 64 bits of a hash, too few to help anyone find 256 random bits."""
    return hashlib.sha256(b"latchkey key id\0" + material).hexdigest()[:KEY_ID_LENGTH]


def read_keyring(path: Path) -> Keyring:
    """Return the keyring in this file.

    Raises KeyringError if the file is missing, accessible to others, empty, or contains a line that is
    not a key; the message gives the line's number and never its content.
    """
    return parse_keyring(path, load_keyring(path)[0])


def load_keyring(path: Path) -> tuple[bytes, os.stat_result]:
    """Return the file's content and status; raises KeyringError if it is missing or must not be used.

    The byte order mark that some editors write at the start of UTF-8 text is removed.
    """
    try:
        with acting_as_owner_of(path):
            # O_NONBLOCK: opening a FIFO would wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyringError(f"keyring {path}: {error.strerror}", hint="restore the keyring from its copy") from None
    try:
        status = os.fstat(descriptor)
        _check_mode(path, status)
        content = os.read(descriptor, MAX_KEYRING_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_KEYRING_BYTES:
        raise KeyringError(f"keyring {path}: larger than {MAX_KEYRING_BYTES} bytes, so it is not a keyring")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise KeyringError(f"keyring {path}: is UTF-16 text", hint="save it as UTF-8")
    return content.removeprefix(codecs.BOM_UTF8), status


def generate_key() -> Key:
    """Return a new key, which is not in any file yet."""
    material = base64.urlsafe_b64encode(os.urandom(KEY_BYTES))
    return Key(key_id(material), material)


def create_keyring(path: Path, keyring: Keyring, made_at: float) -> None:
    """Write a new file, readable only by its owner; `made_at` is when its keys were generated, in Unix seconds.

    Raises FileExistsError if the path exists: a keyring is never overwritten.
    """
    lines = [note_line(key.key_id, made_at, None) + key.reveal() + b"\n" for key in keyring.keys]
    create_private_file(path, HEADER.encode() + b"".join(lines))


def note_line(identity: str, made_at: float | None, retired_at: float | None) -> bytes:
    """Return the comment above a key: its id, and when it was generated and retired, if known."""
    made = "" if made_at is None else f" made {_date(made_at)}"
    retired = "" if retired_at is None else f" retired {_date(retired_at)}"
    return f"# {identity}{made}{retired}\n".encode()


def key_in_line(line: bytes) -> Key | None:
    """Return the key in this line, or None if it is blank, a comment, or not a key."""
    text = line.strip()
    material = None if not text or text.startswith(b"#") else _canonical(text)
    return None if material is None else Key(key_id(material), material)


def parse_keyring(path: Path, content: bytes) -> Keyring:
    """Return the keyring in this content of the file; raises KeyringError."""
    keys: list[Key] = []
    for number, line in enumerate(content.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        found = key_in_line(line)
        if found is None:
            raise KeyringError(
                f"keyring {path}, line {number}: not a Fernet key (32 bytes in URL-safe base64)",
                hint="restore the line from the keyring's copy; records under a lost key cannot be decrypted",
            )
        if len(set(base64.urlsafe_b64decode(found.reveal()))) < MIN_DISTINCT_BYTES:
            # Refused in any position: records forged with a guessable key would be accepted.
            raise KeyringError(
                f"keyring {path}, line {number}: this key is not random, so anyone could guess it",
                hint="restore the line from the keyring's copy, or delete it",
            )
        if found in keys:
            raise KeyringError(f"keyring {path}, line {number}: this key is in the file twice")
        keys.append(found)
    if not keys:
        raise KeyringError(f"keyring {path}: contains no key", hint="restore the keyring from its copy")
    return Keyring(tuple(keys))


def _date(seconds: float) -> str:
    return time.strftime(DATE_FORMAT, time.gmtime(seconds))


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyringError(f"keyring {path}: not a regular file")
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyringError(
            f"keyring {path}: mode {stat.S_IMODE(status.st_mode):04o} lets others read or change it",
            hint=f"chmod 600 {path}, and assume that its keys are known to everyone who could read it",
        )


def _canonical(text: bytes) -> bytes | None:
    """Return the key in its one canonical spelling, so that it has one id, or None if it is not a key."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.urlsafe_b64encode(raw) if len(raw) == KEY_BYTES else None
