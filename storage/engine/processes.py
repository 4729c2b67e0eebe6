"""Who has a store open, and which keys each of them knows.

Rule: an opener holds two locks until it ends, however it ends: one on a file of
its own, which says what it knows, and a shared one on the folder of those files.
Whoever must be alone with the store takes the folder's lock for himself. The
kernel lets go of a dead process's locks, so nothing here goes stale.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from latchkey.errors import StoreRefused
from latchkey.storage.engine.private_files import PRIVATE_FILE, create_private_folder, give_to_owner_of

LARGEST_MARK = 1 << 16


class Opener(NamedTuple):
    """A process that has the store open."""

    pid: int
    key_ids: tuple[str, ...] | None
    """The keys that it knows, the one that it seals with first; None: it does not say, or not yet."""


class _Mark(msgspec.Struct):
    pid: int
    key_ids: tuple[str, ...]


class OpenMark:
    """The sign that this process has the store open."""

    def __init__(self, store_path: Path) -> None:
        """Raises StoreRefused where somebody is alone with the store, as a restore is."""
        self._folder = _hold(store_path)
        try:
            self._path, self._file = _create_locked(_folder(store_path))
        except BaseException:
            os.close(self._folder)
            raise
        self._closed = False

    def tell(self, key_ids: Sequence[str]) -> None:
        """Say which keys this process knows; the first is the one that it seals with from now on."""
        content = msgspec.json.encode(_Mark(os.getpid(), tuple(key_ids)))
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))

    def close(self) -> None:
        """Take the sign away. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        os.close(self._folder)


def openers(store_path: Path) -> list[Opener]:
    """Return the processes that have the store open now; signs that dead ones have left are taken away."""
    folder = _folder(store_path)
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # it ended just now
        try:
            if _lock(descriptor, fcntl.LOCK_EX):
                path.unlink(missing_ok=True)
            else:
                found.append(_read(path, descriptor))
        finally:
            os.close(descriptor)
    return found


def refuse_open(store_path: Path) -> None:
    """Raise StoreRefused where a process has the store open."""
    pids = ", ".join(str(opener.pid) for opener in openers(store_path))
    if pids:
        raise StoreRefused(
            f"the store {store_path} is open in another process (pid {pids})",
            hint="stop the server first, for example: systemctl stop latchkey",
        )


@contextmanager
def in_place(store_path: Path) -> Iterator[None]:
    """Keep the store from being replaced, without counting as one who has it open; raises StoreRefused as it may be."""
    descriptor = _hold(store_path)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(store_path: Path) -> Iterator[None]:
    """Keep every other process from opening the store; raises StoreRefused where one has it open."""
    folder = _folder(store_path)
    create_private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _lock(descriptor, fcntl.LOCK_EX):
            refuse_open(store_path)
            raise StoreRefused(f"the store {store_path} is being copied", hint="wait until the other command is done")
        yield
    finally:
        os.close(descriptor)


def _folder(store_path: Path) -> Path:
    return store_path.with_name(store_path.name + ".open")


def _hold(store_path: Path) -> int:
    """Return the shared lock on the folder of signs; it lasts until it is closed."""
    folder = _folder(store_path)
    create_private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not _lock(descriptor, fcntl.LOCK_SH):
        os.close(descriptor)
        raise StoreRefused(f"the store {store_path} is being restored", hint="start again when the restore is done")
    return descriptor


def _create_locked(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        give_to_owner_of(folder, descriptor)
        # Between the two calls somebody may have taken it for a dead process's, and away.
        if _lock(descriptor, fcntl.LOCK_EX) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path, descriptor: int) -> Opener:
    with suppress(msgspec.DecodeError):
        mark = msgspec.json.decode(os.pread(descriptor, LARGEST_MARK, 0), type=_Mark)
        return Opener(mark.pid, mark.key_ids)
    return Opener(int(path.name.partition("-")[0]), None)
