"""Opens a store and its keyring, or refuses to, and says why."""

from latchkey.storage.opening.preconditions import check_files
from latchkey.storage.opening.stores import (
    StoreLocation,
    back_up,
    check_location,
    migrate_database,
    open_for_command,
    open_store,
)

__all__ = [
    "StoreLocation",
    "back_up",
    "check_files",
    "check_location",
    "migrate_database",
    "open_for_command",
    "open_store",
]
