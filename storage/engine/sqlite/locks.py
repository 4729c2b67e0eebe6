"""Locks between processes on files beside the store: one server, and one command that changes the whole store.

The kernel releases a lock when its process ends. The files stay: deleting one would let two processes lock two
different files of the same name.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from latchkey.errors import StoreInUse, StoreRefused
from latchkey.storage.engine.private_files import PRIVATE_FILE
from latchkey.storage.engine.privileges import refuse_as_root

MAX_LOCK_FILE_BYTES = 1 << 12
READ_TIMEOUT = 1.0
"""Seconds that a refused server waits until the other one, which has just started, has written who it is."""


class _Server(msgspec.Struct):
    """The content of the server's lock file."""

    pid: int
    address: str


@contextmanager
def maintenance_lock(store_path: Path) -> Iterator[None]:
    """Lock out other commands that change the keyring or the whole store; raises StoreInUse if one is running."""
    descriptor = _open(store_path.with_name(store_path.name + ".lock"))
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            raise StoreInUse(store_path.name)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def server_lock(store_path: Path, address: str) -> Iterator[None]:
    """Be the store's only server, which runs its events; `address` is shown to others that try.

    Raises StoreRefused if another process is the server.
    """
    descriptor = _open(store_path.with_name(store_path.name + ".server"))
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            raise StoreRefused(
                f"the store {store_path} has a server already{_describe(descriptor)}",
                hint="stop that server first, or set [storage] path to a store of its own",
            )
        content = msgspec.json.encode(_Server(os.getpid(), address))
        with suppress(OSError):  # the disk is full; the lock counts
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Lock an open file or folder; False if another process has a lock that conflicts."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(path: Path) -> int:
    """Create the file if needed, and return its descriptor."""
    refuse_as_root(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)


def _describe(descriptor: int) -> str:
    """Return a clause that names the server that holds this lock; empty if it has not written who it is."""
    deadline = time.monotonic() + READ_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(msgspec.DecodeError):
            server = msgspec.json.decode(os.pread(descriptor, MAX_LOCK_FILE_BYTES, 0), type=_Server)
            if _is_alive(server.pid):  # else it is what an earlier server wrote
                return f": process {server.pid}, which listens on {server.address}"
        time.sleep(0.02)
    return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True
