"""Atomically swaps the store's file: after a crash, either the old or the new one is there.

Invariant: a new file is never next to the old file's -wal, which SQLite would
write into it. The old store is kept, with its -wal.
"""

from __future__ import annotations

import itertools
import os
import stat
import time
from pathlib import Path

from latchkey.errors import StoreRefused
from latchkey.storage.engine import (
    SIDE_FILE_SUFFIXES,
    is_foreign,
    leave_wal_mode,
    remove_store,
    side_files,
    sync_folder,
)

_MODE_BITS = 0o777


def copy_path(store_path: Path) -> Path:
    """Return the path of the new file while it is written, next to the store."""
    return store_path.with_name(store_path.name + ".restoring")


def refuse_foreign_file(store_path: Path) -> None:
    """Raise StoreRefused if the store's path is something that must not be replaced."""
    if not store_path.exists():
        return
    if not store_path.is_file():
        raise StoreRefused(f"the store {store_path} is not a regular file")
    if is_foreign(store_path):
        raise StoreRefused(
            f"the store {store_path} is a database of another program; it is not replaced",
            hint="check [storage] path",
        )


def clear_interrupted(store_path: Path) -> None:
    """Clean up after a killed restore: its copy, and hard links to the current store."""
    remove_store(copy_path(store_path))
    if store_path.exists() and store_path.stat().st_nlink > 1:
        for kept in _kept_stores(store_path):
            if kept.samefile(store_path):
                # The store's second name is unlinked last, because it shows that this cleanup is needed.
                for companion in side_files(kept):
                    companion.unlink(missing_ok=True)
                kept.unlink()


def copy_owner_and_mode(descriptor: int, store_path: Path) -> None:
    """Give the new, complete file the owner and the mode of the store that it replaces, if there is one.

    Raises StoreRefused if that is not permitted.
    """
    if not store_path.exists():
        return
    before, made = store_path.stat(), os.fstat(descriptor)
    if (before.st_uid, before.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError:
            raise StoreRefused(
                f"the restored store cannot be given to the owner of {store_path}",
                hint="the store and its folder must belong to one user",
            ) from None
    # The owner always needs to read and write it.
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & _MODE_BITS | stat.S_IRUSR | stat.S_IWUSR)


def swap_in(store_path: Path, copy: Path, now: float) -> Path | None:
    """Replace the store by the copy, which is complete and on disk; return the path of the old store, or None.

    `now` is in Unix seconds. Raises StoreRefused if a process has the store open; nothing is changed then.
    """
    kept = _free_name(store_path, now)
    if not store_path.exists():
        _clear_companions(store_path, kept)
        _rename(copy, store_path)
        return None
    at_rest = leave_wal_mode(store_path)
    _link_to(store_path, kept)
    if not at_rest:
        # It is damaged, and its -wal may be needed: both are kept, and out of the way before the new file comes.
        store_path.unlink()
        sync_folder(store_path.parent)
        _clear_companions(store_path, kept)
    _rename(copy, store_path)
    return kept


def _link_to(store_path: Path, kept: Path) -> None:
    os.link(store_path, kept)
    for companion, name in zip(side_files(store_path), side_files(kept), strict=True):
        if companion.exists():
            os.link(companion, name)
    sync_folder(store_path.parent)


def _clear_companions(store_path: Path, kept: Path) -> None:
    """Remove leftover -wal and -shm files: unlink those hard-linked to a kept store, rename the others."""
    others = [name for older in _kept_stores(store_path) for name in side_files(older) if name.exists()]
    for companion, name in zip(side_files(store_path), side_files(kept), strict=True):
        if not companion.exists():
            continue
        if any(other.samefile(companion) for other in others):
            companion.unlink()
        else:
            companion.rename(name)
    sync_folder(store_path.parent)


def _rename(path: Path, name: Path) -> None:
    path.rename(name)
    sync_folder(name.parent)


def _kept_stores(store_path: Path) -> list[Path]:
    """Return the stores that were replaced, the latest last."""
    found = store_path.parent.glob(f"{store_path.name}.replaced-*")
    return sorted(path for path in found if not path.name.endswith(SIDE_FILE_SUFFIXES))


def _free_name(store_path: Path, now: float) -> Path:
    date = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(now))
    for number in itertools.count(1):
        path = store_path.with_name(f"{store_path.name}.replaced-{date}" + (f"-{number}" if number > 1 else ""))
        if not any(name.exists() for name in (path, *side_files(path))):
            return path
    raise AssertionError("unreachable")
