"""Decides from the files whether a store may be opened or created.

Invariant: nothing is changed, so a command may ask before the server starts.
"""

from __future__ import annotations

import os
from pathlib import Path

from latchkey.errors import StoreRefused
from latchkey.storage.backup import copy_path
from latchkey.storage.crypto import KeyringFile
from latchkey.storage.engine import acting_as_owner_of, check_is_store, refuse_unsafe_modes, side_files


def check_files(path: Path, keyring_path: Path, *, new_store: bool = False) -> KeyringFile | None:
    """Return the keyring, or None if neither it nor the store exists and both may be created.

    With `new_store`, the store may be missing beside an existing keyring. Raises StoreRefused, StoreUnavailable
    or KeyringError.
    """
    try:
        if path.resolve() == keyring_path.resolve():
            raise StoreRefused(
                f"the store and the keyring are the same file {path}", hint="change [storage] path or keyring"
            )
        if path.exists() or is_being_restored(path):
            return check_existing(path, keyring_path)
        refuse_uncreatable(path, "[storage] path")
        _refuse_unsafe_modes(path, keyring_path)
        if not keyring_path.exists():
            refuse_uncreatable(keyring_path, "[storage] keyring")
            return None
        file = KeyringFile(keyring_path)
        # An unfinished store beside a keyring is a first start that was interrupted between the two.
        if new_store or unfinished_path(path).exists():
            return file
        if path.exists():  # another server has created both since the first look
            return check_existing(path, keyring_path)
    except OSError as error:
        raise StoreRefused(f"{error.filename or path}: {error.strerror}") from None
    raise StoreRefused(
        f"the store {path} is missing, but its keyring {keyring_path} exists",
        hint="mount or restore the store; to create an empty one with these keys, start once with --new-store",
    )


def check_existing(path: Path, keyring_path: Path) -> KeyringFile:
    """Return the keyring of an existing store. Raises StoreRefused, StoreUnavailable, KeyringError or OSError."""
    if not path.exists():
        raise StoreRefused(
            f"the store {path} is missing, because a restore was interrupted", hint="run `latchkey restore` again"
        )
    # Before SQLite writes anything to it.
    check_is_store(path)
    if not _is_writable(path) or not path.stat().st_mode & 0o200:
        raise StoreRefused(f"the store {path} is read-only", hint="chmod u+w, or chown it to the server's user")
    _refuse_unsafe_modes(path, keyring_path)
    return KeyringFile(keyring_path)


def is_being_restored(path: Path) -> bool:
    """Whether a restore has taken the store away and not yet put another in its place."""
    return not os.path.lexists(path) and os.path.lexists(copy_path(path))


def unfinished_path(path: Path) -> Path:
    """Return the temporary name of a store that is being created."""
    return path.with_name(path.name + ".new")


def _refuse_unsafe_modes(path: Path, keyring_path: Path) -> None:
    # The keyring's own mode is checked each time that it is read.
    refuse_unsafe_modes([path, *side_files(path)], [path.parent, keyring_path.resolve().parent])


def refuse_uncreatable(path: Path, setting: str) -> None:
    """Raise StoreRefused if this user cannot create the file; `setting` is where its path is set."""
    with acting_as_owner_of(path):  # the keyring's folder may be root's
        folder = next(parent for parent in path.parents if parent.exists())
        is_writable = _is_writable(folder)
    if not folder.is_dir():
        raise StoreRefused(f"{path} cannot be created, because {folder} is a file", hint=f"change {setting}")
    if not is_writable:
        raise StoreRefused(
            f"{path} cannot be created, because this user cannot write to {folder}",
            hint=f"change {setting}, or chown the folder to the server's user",
        )


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=True)
