"""One hand at a time: rotation, restore, and whatever else changes the keyring or the whole store."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latchkey.errors import AnotherRun
from latchkey.storage.engine.private_files import PRIVATE_FILE, give_to_owner_of


@contextmanager
def maintenance_lock(store_path: Path) -> Iterator[None]:
    """Hold the store's maintenance lock; raises AnotherRun where another process holds it.

    The kernel takes it back when the process ends. The lock's file stays, since taking it away would
    let two processes hold two locks of one name.
    """
    path = store_path.with_name(store_path.name + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        give_to_owner_of(path.parent, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRun(store_path.name) from None
        yield
    finally:
        os.close(descriptor)
