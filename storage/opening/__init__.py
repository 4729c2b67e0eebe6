"""Opens a store and its keyring, or refuses to, and says why."""

from latchkey.storage.opening.preconditions import check_files
from latchkey.storage.opening.stores import open_for_command, open_store

__all__ = ["check_files", "open_for_command", "open_store"]
