"""The processes that have a store open: which they are, with which keys, and how to keep them out.

Invariant: a process that has the store open holds two locks until it ends: an
exclusive one on a file of its own, which lists its keys, and a shared one on the
folder of these files. An operation that needs exclusive access takes the folder's
lock exclusively. The kernel releases a dead process's locks, so none is ever stale.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from latchkey.errors import StoreRefused
from latchkey.storage.engine.presence import StoreProcess
from latchkey.storage.engine.private_files import PRIVATE_FILE, create_private_folder
from latchkey.storage.engine.privileges import refuse_as_root
from latchkey.storage.engine.sqlite.locks import maintenance_lock, server_lock, try_lock

MAX_PRESENCE_BYTES = 1 << 16


class _Content(msgspec.Struct):
    pid: int
    key_ids: tuple[str, ...]
    takes_write_lock: bool = False


class FilePresence:
    """Implements `Presence` by locks on files beside the store.

    Registers this process as one that has the store open, and publishes which keys it uses.
    """

    def __init__(self, store_path: Path, *, server_address: str | None = None) -> None:
        """`server_address` is given by a server, of which a store has only one; see `server_lock`.

        Raises StoreRefused if another process has exclusive access, such as a restore, or is the server.
        """
        with ExitStack() as undo:
            folder = _lock_shared(store_path)
            undo.callback(os.close, folder)
            if server_address is not None:
                undo.enter_context(server_lock(store_path, server_address))
            self._store_path = store_path
            open_processes(store_path)  # on a full disk, the files of dead processes may take the last space
            self._path, self._file = _create_locked(_folder(store_path))
            self._locks = undo.pop_all()
        self._closed = False
        self._numbers = itertools.count(1)

    @property
    def name(self) -> str:
        """The name of this process, or of this one of its open stores; no other ever has the same."""
        return self._path.name

    def processes(self) -> list[StoreProcess]:
        return open_processes(self._store_path)

    def maintenance(self) -> AbstractContextManager[None]:
        return maintenance_lock(self._store_path)

    def is_open(self, name: str) -> bool:
        """Whether the process with this name still has the store open."""
        try:
            descriptor = os.open(self._path.with_name(name), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ValueError):
            return False
        try:
            return not try_lock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    @property
    def machine(self) -> str:
        """Empty: a file is used on one machine."""
        return ""

    @property
    def owner(self) -> str:
        """Empty: a store in a file has one server."""
        return ""

    def has_ended(self, owner: str) -> bool:
        """Return True: this server holds the lock, and others had the events in a database that was copied here."""
        return True

    def ended_owners(self) -> Sequence[str]:
        """Return nothing: no other server can have ended since the start."""
        return ()

    def forget_owner(self, owner: str) -> None:
        """Do nothing: see `ended_owners`."""

    def primary_key(self) -> None:
        """Return None: all processes read the same keyring."""

    def set_primary_key(self, key_id: str) -> None:
        """Do nothing: see `primary_key`."""

    def leads(self) -> bool:
        """Return True: there is no other server."""
        return True

    def next_number(self) -> int:
        """Return the next number of this process, the only server."""
        return next(self._numbers)

    def when_announced(self, callback: Callable[[], None]) -> None:
        """Do nothing: the server looks for such events itself."""

    def when_fenced(self, callback: Callable[[], None]) -> None:
        """Do nothing: the lock that makes this process the server lasts as long as the process."""

    def publish(self, key_ids: Sequence[str]) -> None:
        """Publish this process's keys, the primary key first."""
        content = msgspec.json.encode(_Content(os.getpid(), tuple(key_ids), takes_write_lock=True))
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))

    def close(self) -> None:
        """Unregister. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._locks.close()


def open_processes(store_path: Path) -> list[StoreProcess]:
    """Return the processes that have the store open now, and delete the files of dead ones."""
    folder = _folder(store_path)
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # the process has just ended
        try:
            if try_lock(descriptor, fcntl.LOCK_EX):
                path.unlink(missing_ok=True)
            else:
                found.append(_read(path, descriptor))
        finally:
            os.close(descriptor)
    return found


def refuse_open(store_path: Path) -> None:
    """Raise StoreRefused if a process has the store open."""
    pids = ", ".join(str(process.pid) for process in open_processes(store_path))
    if pids:
        raise StoreRefused(
            f"the store {store_path} is open in another process (pid {pids})",
            hint="stop the server first, for example: systemctl stop latchkey",
        )


@contextmanager
def no_replace(store_path: Path) -> Iterator[None]:
    """Block a restore while this runs, without registering as a process that has the store open.

    Raises StoreRefused if a restore is running.
    """
    descriptor = _lock_shared(store_path)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(store_path: Path) -> Iterator[None]:
    """Keep other processes from opening the store; raises StoreRefused if one has it open."""
    folder = _folder(store_path)
    create_private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            refuse_open(store_path)
            raise StoreRefused(
                f"the store {store_path} is being copied", hint="wait until the other command has finished"
            )
        yield
    finally:
        os.close(descriptor)


def _folder(store_path: Path) -> Path:
    refuse_as_root(store_path)
    return store_path.with_name(store_path.name + ".open")


def _lock_shared(store_path: Path) -> int:
    """Return a descriptor of the folder, which holds the shared lock until it is closed."""
    folder = _folder(store_path)
    create_private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not try_lock(descriptor, fcntl.LOCK_SH):
        os.close(descriptor)
        raise StoreRefused(
            f"the store {store_path} is being restored", hint="start again when the restore has finished"
        )
    return descriptor


def _create_locked(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        # Between the two calls another process may have taken the file for a dead process's and deleted it.
        if try_lock(descriptor, fcntl.LOCK_EX) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _read(path: Path, descriptor: int) -> StoreProcess:
    with suppress(msgspec.DecodeError):
        content = msgspec.json.decode(os.pread(descriptor, MAX_PRESENCE_BYTES, 0), type=_Content)
        return StoreProcess(content.pid, content.key_ids, content.takes_write_lock)
    return StoreProcess(int(path.name.partition("-")[0]), None, takes_write_lock=True)
