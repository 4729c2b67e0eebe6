"""Marks in a store that it was copied elsewhere, or that a copy into it is not finished.

Invariant: of a store and its copy, at most one can be served.
"""

from __future__ import annotations

from latchkey.errors import StoreRefused
from latchkey.storage.records import Records
from latchkey.storage.tables import META

MOVED = "moved"
"""The meta record of a store that was copied: its servers run on the copy."""
COPYING = "copying"
"""The meta record of a store into which another one is being copied."""


def check_marks(records: Records, store: object) -> None:
    """Raise StoreRefused if a server must not run on this store; `store` is how messages name it."""
    moved = records.read(META, MOVED)
    if moved is not None:
        raise StoreRefused(
            f"the store {store} was copied to {moved.value['to']}, and is out of date",
            hint="change [storage] url or path; to go back to this store all the same: latchkey serve --force",
        )
    copying = records.read(META, COPYING)
    if copying is not None:
        raise StoreRefused(
            f"the copy of {copying.value['from']} into the store {store} is not finished",
            hint="run the command (`latchkey storage copy` or `restore`) again; it continues",
        )


def forget_move(records: Records) -> None:
    """Let servers run on a store that was copied; what the copy has received since is not in it."""
    records.commit([records.discard(META, MOVED)])
