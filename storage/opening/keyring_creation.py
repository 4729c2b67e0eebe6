"""Creates the keyring of a new store."""

from __future__ import annotations

import logging
from pathlib import Path

from latchkey.storage.crypto import Keyring, KeyringFile, create_keyring

logger = logging.getLogger("latchkey.storage")


def create_new_keyring(path: Path, keys: Keyring, made_at: float) -> KeyringFile:
    """Write the keyring, and say that it must be backed up. `made_at` is in Unix seconds."""
    create_keyring(path, keys, made_at)
    logger.warning(
        "a new encryption key was created in %s: back it up now, apart from the store; without it no token can be read",
        path,
    )
    return KeyringFile(path)
