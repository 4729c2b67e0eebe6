"""One store's file in the place of another, so that a crash at any moment leaves the one or the other.

Rule: a new file never stands beside what SQLite has kept for the old one: a
foreign -wal would be written into it. The old store is kept, with all of its.
"""

from __future__ import annotations

import itertools
import os
import stat
import time
from pathlib import Path

from latchkey.errors import StoreRefused
from latchkey.storage.engine import ENDS, bring_to_rest, companions, is_foreign, remove_store, sync_folder

_MODE = 0o777


def copy_path(store_path: Path) -> Path:
    """Return the name under which the new file is made, in the store's folder."""
    return store_path.with_name(store_path.name + ".restoring")


def refuse_other_programs_file(store_path: Path) -> None:
    """Raise StoreRefused where the store's path names what must not be replaced."""
    if not store_path.exists():
        return
    if not store_path.is_file():
        raise StoreRefused(f"the store {store_path} is not a regular file")
    if is_foreign(store_path):
        raise StoreRefused(
            f"the store {store_path} is a database of another program, and is not replaced",
            hint="check [storage] path",
        )


def clear_interrupted(store_path: Path) -> None:
    """Take away what a restore that was killed has left beside a store that is there: its copy, and second names."""
    remove_store(copy_path(store_path))
    if store_path.exists() and store_path.stat().st_nlink > 1:
        for kept in _kept(store_path):
            if kept.samefile(store_path):
                # The store's second name goes last, since it is what tells that this is to be done.
                for companion in companions(kept):
                    companion.unlink(missing_ok=True)
                kept.unlink()


def like_before(descriptor: int, store_path: Path) -> None:
    """Give the new file the owner and the mode of the store that it replaces; raises StoreRefused where it cannot.

    The file is whole by then. Where there is no store, it stays as it was made.
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
                hint="run it as root, or as that user",
            ) from None
    # What the owner could not write to was no store, so that much is always given.
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & _MODE | stat.S_IRUSR | stat.S_IWUSR)


def replace(store_path: Path, copy: Path, now: float) -> Path | None:
    """Put the copy, which is whole and on disk, in the store's place; returns where the old store is (None: none was).

    `now` is Unix seconds. Raises StoreRefused where a process has the store open; nothing is changed then.
    """
    kept = _free_name(store_path, now)
    if not store_path.exists():
        _clear_companions(store_path, kept)
        _rename(copy, store_path)
        return None
    at_rest = bring_to_rest(store_path)
    _give_second_name(store_path, kept)
    if not at_rest:
        # It is damaged, and what stands in its -wal may be wanted: that is kept, and gone before anything new comes.
        store_path.unlink()
        sync_folder(store_path.parent)
        _clear_companions(store_path, kept)
    _rename(copy, store_path)
    return kept


def _give_second_name(store_path: Path, kept: Path) -> None:
    os.link(store_path, kept)
    for companion, name in zip(companions(store_path), companions(kept), strict=True):
        if companion.exists():
            os.link(companion, name)
    sync_folder(store_path.parent)


def _clear_companions(store_path: Path, kept: Path) -> None:
    """Clear the place of a store that is gone: what has a second name goes, all else gets one that no store has."""
    others = [name for older in _kept(store_path) for name in companions(older) if name.exists()]
    for companion, name in zip(companions(store_path), companions(kept), strict=True):
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


def _kept(store_path: Path) -> list[Path]:
    """Return the stores that were replaced, the latest last."""
    found = store_path.parent.glob(f"{store_path.name}.replaced-*")
    return sorted(path for path in found if not path.name.endswith(ENDS))


def _free_name(store_path: Path, now: float) -> Path:
    date = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(now))
    for number in itertools.count(1):
        path = store_path.with_name(f"{store_path.name}.replaced-{date}" + (f"-{number}" if number > 1 else ""))
        if not any(name.exists() for name in (path, *companions(path))):
            return path
    raise AssertionError("unreachable")
