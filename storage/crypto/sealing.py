"""All of the cryptography: the format of a sealed (encrypted) record, and how it is opened.

A sealed record is

    v1:<key id>:<Fernet ciphertext of JSON [table, record id, value]>

The key id is in the clear, so that rotation and error messages need no trial
decryption. Table and id are inside, because Fernet has no associated data: a
row copied to another id would decrypt cleanly and hand one workspace's token
to another. An *older* sealed value of the same record is not detected; anyone
who can write the file can put one back (docs/security.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from latchkey.errors import UnreadableRecord
from latchkey.storage.crypto.keyring import KEY_ID_LENGTH, Keyring

_VERSION = b"v1:"
PREFIX_LENGTH = len(_VERSION) + KEY_ID_LENGTH + 1
"""Bytes of a sealed record that are not encrypted."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
# Checks that a value is JSON without building it.
_skim = msgspec.json.Decoder(tuple[str, str, msgspec.Raw]).decode


def key_id_of(sealed: bytes) -> str | None:
    """Return the id of the key that sealed this, or None if it is not a sealed record."""
    if len(sealed) <= PREFIX_LENGTH or sealed[:3] != _VERSION or sealed[PREFIX_LENGTH - 1 : PREFIX_LENGTH] != b":":
        return None
    return sealed[3 : PREFIX_LENGTH - 1].decode("ascii", "replace")


class _Ciphers(NamedTuple):
    """A keyring's ciphers; replaced as a whole, so that no call sees part of a change."""

    keyring: Keyring
    by_id: Mapping[str, Fernet]
    prefix: bytes
    primary: Fernet


class Sealer:
    """Seals with the keyring's primary key; opens with the key that a record names."""

    def __init__(self, keyring: Keyring) -> None:
        self.on_unknown_key: Callable[[], None] | None = None
        """Called when a record names an unknown key, which another process may have just added."""
        self.use(keyring)

    @property
    def keyring(self) -> Keyring:
        return self._ciphers.keyring

    def use(self, keyring: Keyring) -> None:
        """Seal and open with these keys from now on; calls in progress finish with the previous ones."""
        by_id = {key.key_id: Fernet(key.reveal()) for key in keyring.keys}
        primary_id = keyring.primary_key.key_id
        self._ciphers = _Ciphers(keyring, by_id, _VERSION + primary_id.encode() + b":", by_id[primary_id])

    def seal(self, table: str, record_id: str, value: Any) -> bytes:
        """Return `value` (anything that JSON can represent) sealed for this table and id."""
        ciphers = self._ciphers
        return ciphers.prefix + ciphers.primary.encrypt(_encode((table, record_id, value)))

    def open(self, table: str, record_id: str, sealed: bytes) -> Any:
        """Return the value that was sealed for this table and id.

        Raises UnreadableRecord if the key is missing, a bit has changed, or the record was sealed for
        another table or id.
        """
        return self._opened(table, record_id, sealed, _decode)[1]

    def check(self, table: str, record_id: str, sealed: bytes) -> None:
        """Raise UnreadableRecord if `open` would, without building the value."""
        self._opened(table, record_id, sealed, _skim)

    def reencrypt(self, table: str, record_id: str, sealed: bytes) -> bytes:
        """Return the record sealed with the primary key, its content the same to the byte; raises UnreadableRecord."""
        plaintext, _ = self._opened(table, record_id, sealed, _skim)
        ciphers = self._ciphers
        return ciphers.prefix + ciphers.primary.encrypt(plaintext)

    def is_under_primary_key(self, sealed: bytes) -> bool:
        """Whether the primary key has sealed this."""
        return sealed.startswith(self._ciphers.prefix)

    def _opened(self, table: str, record_id: str, sealed: bytes, decode: Callable[[bytes], Any]) -> tuple[bytes, Any]:
        key_id = key_id_of(sealed)
        if key_id is None:
            raise UnreadableRecord(table, record_id, None, "it is not an encrypted record")
        cipher = self._ciphers.by_id.get(key_id) or self._cipher_added_since(key_id)
        if cipher is None:
            raise UnreadableRecord(table, record_id, key_id, "its key is not in the keyring")
        try:
            # No ttl: records may have any age, and a wrong clock must not lose one.
            plaintext = cipher.decrypt(sealed[PREFIX_LENGTH:])
            sealed_table, sealed_id, value = decode(plaintext)
        except (InvalidToken, ValueError, TypeError):
            raise UnreadableRecord(table, record_id, key_id, "it was changed after it was encrypted") from None
        if (sealed_table, sealed_id) != (table, record_id):
            raise UnreadableRecord(table, record_id, key_id, "it was encrypted for another table or id")
        return plaintext, value

    def _cipher_added_since(self, key_id: str) -> Fernet | None:
        if self.on_unknown_key is not None:
            self.on_unknown_key()
        return self._ciphers.by_id.get(key_id)
