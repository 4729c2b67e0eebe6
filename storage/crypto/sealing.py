"""The whole of the cryptography: what a sealed record is, and how it is opened.

Rule: this is the one file that knows `cryptography`. A sealed record is

    v1:<key id>:<Fernet token of JSON [table, record id, value]>

The key id is in the clear, so that rotation and error messages need no trial
decryption. Table and id are inside, because Fernet has no associated data: a
row copied to another id would decrypt cleanly and hand one workspace's token
to another. Putting an *older* sealed value of the same record back is not
detected; whoever can write the file can do that (docs say so).
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
"""Bytes of a sealed record that are in the clear."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
# Sees that a value is JSON, and leaves it unread.
_skim = msgspec.json.Decoder(tuple[str, str, msgspec.Raw]).decode


def key_id_of(sealed: bytes) -> str | None:
    """Return the id of the key that sealed this, or None where it is no sealed record of ours."""
    if len(sealed) <= PREFIX_LENGTH or sealed[:3] != _VERSION or sealed[PREFIX_LENGTH - 1 : PREFIX_LENGTH] != b":":
        return None
    return sealed[3 : PREFIX_LENGTH - 1].decode("ascii", "replace")


class _Ciphers(NamedTuple):
    """A keyring made ready; replaced as a whole, so that no call sees half of a change."""

    keyring: Keyring
    by_id: Mapping[str, Fernet]
    prefix: bytes
    sealing: Fernet


class Sealer:
    """Seals with the keyring's first key; opens with whichever key a record names."""

    def __init__(self, keyring: Keyring) -> None:
        self.on_unknown_key: Callable[[], None] | None = None
        """Called where a record names a key that is not here: another process may have added it just now."""
        self.use(keyring)

    @property
    def keyring(self) -> Keyring:
        return self._ciphers.keyring

    def use(self, keyring: Keyring) -> None:
        """Seal and open with these keys from now on; calls that have begun end with those before."""
        by_id = {key.key_id: Fernet(key.reveal()) for key in keyring.keys}
        sealing_id = keyring.sealing_key.key_id
        self._ciphers = _Ciphers(keyring, by_id, _VERSION + sealing_id.encode() + b":", by_id[sealing_id])

    def seal(self, table: str, record_id: str, value: Any) -> bytes:
        """Return `value` (anything that JSON holds) sealed for this table and id."""
        ciphers = self._ciphers
        return ciphers.prefix + ciphers.sealing.encrypt(_encode((table, record_id, value)))

    def open(self, table: str, record_id: str, sealed: bytes) -> Any:
        """Return what was sealed for this table and id.

        Raises UnreadableRecord where the key is missing, a bit has changed, or the record was sealed
        under another name.
        """
        return self._opened(table, record_id, sealed, _decode)[1]

    def check(self, table: str, record_id: str, sealed: bytes) -> None:
        """Open a record as `open` does, and raise what it raises, without making anything of its value."""
        self._opened(table, record_id, sealed, _skim)

    def seal_again(self, table: str, record_id: str, sealed: bytes) -> bytes:
        """Return a sealed record under the sealing key, its content the same to the byte; raises UnreadableRecord."""
        plaintext, _ = self._opened(table, record_id, sealed, _skim)
        ciphers = self._ciphers
        return ciphers.prefix + ciphers.sealing.encrypt(plaintext)

    def is_current(self, sealed: bytes) -> bool:
        """Whether the sealing key has sealed this."""
        return sealed.startswith(self._ciphers.prefix)

    def _opened(self, table: str, record_id: str, sealed: bytes, decode: Callable[[bytes], Any]) -> tuple[bytes, Any]:
        key_id = key_id_of(sealed)
        if key_id is None:
            raise UnreadableRecord(table, record_id, None, "it is not a sealed record")
        cipher = self._ciphers.by_id.get(key_id) or self._cipher_added_since(key_id)
        if cipher is None:
            raise UnreadableRecord(table, record_id, key_id, "its key is not in the keyring")
        try:
            # No ttl: a record is as old as it is, and a clock that was wrong must not lose it.
            plaintext = cipher.decrypt(sealed[PREFIX_LENGTH:])
            sealed_table, sealed_id, value = decode(plaintext)
        except (InvalidToken, ValueError, TypeError):
            raise UnreadableRecord(table, record_id, key_id, "it was changed after it was sealed") from None
        if (sealed_table, sealed_id) != (table, record_id):
            raise UnreadableRecord(table, record_id, key_id, "it was sealed under another name")
        return plaintext, value

    def _cipher_added_since(self, key_id: str) -> Fernet | None:
        if self.on_unknown_key is not None:
            self.on_unknown_key()
        return self._ciphers.by_id.get(key_id)
