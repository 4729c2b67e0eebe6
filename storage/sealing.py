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

from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from errors import UnreadableRecord
from storage.keyring import KEY_ID_LENGTH, Keyring

_VERSION = b"v1:"
PREFIX_LENGTH = len(_VERSION) + KEY_ID_LENGTH + 1
"""Bytes of a sealed record that are in the clear."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def key_id_of(sealed: bytes) -> str | None:
    """Return the id of the key that sealed this, or None where it is no sealed record of ours."""
    if len(sealed) <= PREFIX_LENGTH or sealed[:3] != _VERSION or sealed[PREFIX_LENGTH - 1 : PREFIX_LENGTH] != b":":
        return None
    return sealed[3 : PREFIX_LENGTH - 1].decode("ascii", "replace")


class Sealer:
    """Seals with the keyring's first key; opens with whichever key a record names."""

    def __init__(self, keyring: Keyring) -> None:
        self._ciphers = {key.key_id: Fernet(key.reveal()) for key in keyring.keys}
        self._sealing_id = keyring.sealing_key.key_id
        self._prefix = _VERSION + self._sealing_id.encode() + b":"

    def seal(self, table: str, record_id: str, value: Any) -> bytes:
        """Return `value` (anything that JSON holds) sealed for this table and id."""
        return self._prefix + self._ciphers[self._sealing_id].encrypt(_encode((table, record_id, value)))

    def open(self, table: str, record_id: str, sealed: bytes) -> Any:
        """Return what was sealed for this table and id.

        Raises UnreadableRecord where the key is missing, a bit has changed, or the record was sealed
        under another name.
        """
        key_id = key_id_of(sealed)
        if key_id is None:
            raise UnreadableRecord(table, record_id, None, "it is not a sealed record")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnreadableRecord(table, record_id, key_id, "its key is not in the keyring")
        try:
            # No ttl: a record is as old as it is, and a clock that was wrong must not lose it.
            sealed_table, sealed_id, value = _decode(cipher.decrypt(sealed[PREFIX_LENGTH:]))
        except (InvalidToken, ValueError, TypeError):
            raise UnreadableRecord(table, record_id, key_id, "it was changed after it was sealed") from None
        if (sealed_table, sealed_id) != (table, record_id):
            raise UnreadableRecord(table, record_id, key_id, "it was sealed under another name")
        return value
