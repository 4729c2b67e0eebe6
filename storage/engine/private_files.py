"""Files as we make them: private from their first instant, whole or absent.

Rule: a file is created 0600 and a folder 0700; modes are never changed
afterwards, because between the two anybody could have opened it. What root
makes belongs to the owner of the folder that it is in, so that the server's
user can use what an administrator's command has left.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def create_private_folder(path: Path, *, owner_of: Path | None = None) -> None:
    """Make the folder, and those above it that are missing, 0700. One that exists is left as it is.

    What root makes belongs to the owner of `owner_of`, or of the folder that it is in.
    """
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        # umask can only take bits away from 0700.
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        give_to_owner_of(owner_of or folder.parent, folder)
        sync_folder(folder.parent)


def create_private_file(path: Path, content: bytes) -> None:
    """Make a new 0600 file with this content, on disk when the call returns.

    Raises FileExistsError where there is one, and leaves no half-written file under its name.
    """
    create_private_folder(path.parent)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with open(descriptor, "wb") as file:
            give_to_owner_of(path.parent, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        publish(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def replace_private_file(path: Path, content: bytes, before: os.stat_result) -> None:
    """Put a new file in the place of the one that `before` was taken of; it keeps its owner, group and mode.

    On disk when the call returns; a crash leaves the old file or the new one, whole. Raises OSError
    where that cannot be done, FileExistsError where the file is no longer the one that was read.
    """
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with open(descriptor, "wb") as file:
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            # Still empty: whoever may read the old file may open this one, and nobody else.
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if version_of(os.stat(path)) != version_of(before):
            raise FileExistsError(errno.EEXIST, "it was changed by somebody else meanwhile", str(path))
        unfinished.rename(path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def version_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what differs when a file was replaced, written, or given another mode or owner."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def give_to_owner_of(owned: Path, made: Path | int) -> None:
    """Let what root has made, a folder or an open file, belong to the owner and group of the folder that it is in."""
    if os.geteuid() == 0:
        status = os.stat(owned)
        os.chown(made, status.st_uid, status.st_gid)


def publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name; raises FileExistsError where the name is taken (rename would overwrite)."""
    os.link(unfinished, path)
    unfinished.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put a folder's new names on disk; without it a power cut may forget them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
