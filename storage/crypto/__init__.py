"""The keyring and the encryption of records: the only place that knows `cryptography`."""

from latchkey.storage.crypto.install_links import open_values, seal_values, value_fault
from latchkey.storage.crypto.keyring import Keyring, create_keyring, generate_key, read_keyring
from latchkey.storage.crypto.keyring_file import KeyEntry, KeyringFile
from latchkey.storage.crypto.sealing import PREFIX_LENGTH, Sealer, key_id_of

__all__ = [
    "PREFIX_LENGTH",
    "KeyEntry",
    "Keyring",
    "KeyringFile",
    "Sealer",
    "create_keyring",
    "generate_key",
    "key_id_of",
    "open_values",
    "read_keyring",
    "seal_values",
    "value_fault",
]
