"""The record that a store begins with: it shows that the keyring fits, and which version of Latchkey made the store."""

from __future__ import annotations

import logging
from pathlib import Path

from latchkey.errors import KeysMissing, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage.crypto import Keyring, Sealer
from latchkey.storage.engine import KeyValue
from latchkey.storage.records import Records
from latchkey.storage.rotation import key_use, needed_ids
from latchkey.storage.tables import FORMAT, FORMAT_VERSION, META, SEALED_TABLES

FORMAT_VALUE = {"version": FORMAT_VERSION}

logger = logging.getLogger("latchkey.storage")


def check_format(engine: KeyValue, sealer: Sealer, store: object, keyring_path: Path) -> None:
    """Check the format record; a keyring that lacks some keys is a warning, one that lacks all of them an error.

    `store` is how messages name the store. Raises StoreRefused or StoreUnavailable.
    """
    try:
        format_record = Records(engine, sealer).read(META, FORMAT)
    except UnreadableRecord as error:
        if error.key_id is None or error.key_id in sealer.keyring.key_ids:
            # Its key is not the problem.
            raise StoreUnavailable(
                "damaged", f"the store {store} is damaged: its format record cannot be read", hint="restore a backup"
            ) from error
        _check_keys(engine, sealer.keyring, store, keyring_path)
        return
    if format_record is None:
        raise StoreRefused(f"the store {store} has lost its format record", hint="restore a backup")
    if format_record.value.get("version") != FORMAT_VERSION:
        raise StoreRefused(
            f"the store {store} was created by another version of Latchkey", hint="upgrade, then start again"
        )


def _check_keys(engine: KeyValue, keys: Keyring, store: object, keyring_path: Path) -> None:
    needed = needed_ids(key_use(engine, SEALED_TABLES))
    error = KeysMissing(store, keyring_path, missing=sorted(needed - set(keys.key_ids)), present=keys.key_ids)
    if not needed & set(keys.key_ids):
        raise error
    logger.warning("%s; records under the other keys are served", error)
