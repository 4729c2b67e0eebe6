"""Creates private files and folders, and refuses a store whose files other users can read or replace.

Invariant: a file is created with mode 0600 and a folder with 0700. Modes are not
tightened afterwards: in between, another user could have opened the file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latchkey.errors import StoreExposed
from latchkey.storage.engine.privileges import acting_as_owner_of

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def create_private_folder(path: Path, *, owner_of: Path | None = None) -> None:
    """Create the folder and its missing parents with mode 0700; existing ones are left as they are.

    If root creates them in a folder of its own, they get the owner of the folder `owner_of`.
    """
    with acting_as_owner_of(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        # Determined anew for each: the parent may have been given away.
        with acting_as_owner_of(folder.parent):
            # umask can only remove bits from 0700.
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            if owner_of is not None and os.geteuid() == 0:
                _give(folder, os.stat(owner_of))
            sync_folder(folder.parent)


def create_private_file(path: Path, content: bytes) -> None:
    """Create a file with mode 0600 and this content, as `new_private_file` does."""
    with new_private_file(path) as file:
        file.write(content)


@contextmanager
def new_private_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file with mode 0600 to write to; it gets its name, and is on disk, at the end.

    Raises FileExistsError if the path exists, and never leaves a partial file there. Root creates it as the owner of
    its folder.
    """
    create_private_folder(path.parent)
    unfinished = path.with_name(path.name + ".new")
    with acting_as_owner_of(path.parent):
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with acting_as_owner_of(path.parent):
            rename_noreplace(unfinished, path)
    finally:
        with acting_as_owner_of(path.parent):
            unfinished.unlink(missing_ok=True)


def replace_private_file(path: Path, content: bytes, before: os.stat_result) -> os.stat_result:
    """Atomically replace the file that `before` (its `os.stat`) describes, and return the new one's status.

    Owner, group and mode are kept. The new file is on disk when the call returns; after a crash either
    the old or the new one is there. Raises OSError, in particular FileExistsError if the file has
    changed since `before`.
    """
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with open(descriptor, "wb") as file:
            created = os.fstat(file.fileno())
            if (created.st_uid, created.st_gid) != (before.st_uid, before.st_gid):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            # The file is still empty, and from here on exactly the readers of the old file can open it.
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if version_of(os.stat(path)) != version_of(before):
                raise FileExistsError(errno.EEXIST, "it was changed by another process meanwhile", str(path))
            unfinished.rename(path)
            after = os.fstat(file.fileno())  # not before the rename, which changes the ctime
        sync_folder(path.parent)
        return after
    finally:
        unfinished.unlink(missing_ok=True)


def version_of(status: os.stat_result) -> tuple[int, ...]:
    """Return a value that changes whenever a file is replaced, written, or given another mode or owner."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def rename_noreplace(unfinished: Path, path: Path) -> None:
    """Rename a finished file; raises FileExistsError if the new name is taken, which `os.rename` would overwrite."""
    os.link(unfinished, path)
    unfinished.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Write a folder's new names to disk; without it they may be gone after a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give(folder: Path, to: os.stat_result) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, to.st_uid, to.st_gid)
    finally:
        os.close(descriptor)


def refuse_unsafe_modes(files: Sequence[Path], folders: Sequence[Path]) -> None:
    """Raise StoreExposed if users outside the group can read one of the files, or write to one of the folders.

    Modes are reported and not repaired: the files may have been read already. Missing ones are ignored.
    """
    for file in files:
        _refuse_mode(file, stat.S_IRWXO, "read or change it", "chmod o-rwx")
    for folder in dict.fromkeys(folders):
        _refuse_mode(folder, stat.S_IWOTH, "replace the files in it", "chmod o-w")


def _refuse_mode(path: Path, forbidden: int, what: str, remedy: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if mode & forbidden:
        raise StoreExposed(f"{path}: mode {stat.S_IMODE(mode):04o} lets others {what}", hint=f"{remedy} {path}")
