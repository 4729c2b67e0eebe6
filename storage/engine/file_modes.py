"""Who else on the machine may read the store or put another file in its place.

Rule: what others can read or swap is refused at the start, with the command
that mends it. Nothing is mended here: whoever could read a file may have done so.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from latchkey.errors import StoreRefused


def check_modes(store_path: Path, keyring_path: Path) -> None:
    """Raise StoreRefused where others can use the store's files, or write to its folder or the keyring's.

    The keyring itself is checked whenever it is read. What does not exist is passed over.
    """
    for end in ("", "-wal", "-shm"):
        _refuse(store_path.with_name(store_path.name + end), stat.S_IRWXO, "read or change it", "chmod o-rwx")
    for folder in dict.fromkeys((store_path.parent, keyring_path.resolve().parent)):
        _refuse(folder, stat.S_IWOTH, "put other files in the place of its files", "chmod o-w")


def _refuse(path: Path, forbidden: int, what: str, remedy: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if mode & forbidden:
        raise StoreRefused(f"{path}: mode {stat.S_IMODE(mode):04o} lets others {what}", hint=f"{remedy} {path}")
