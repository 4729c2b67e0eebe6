"""Who has a store open: this process, and how it learns of the others.

Invariant: nothing above this file knows how an engine notices that a process has ended. Events belong to the server
that accepted them, until it has ended and another one takes them over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class StoreProcess(NamedTuple):
    """A process that has the store open."""

    pid: int
    key_ids: tuple[str, ...] | None
    """Its keys, the primary key first; None if it has not published them yet."""
    takes_write_lock: bool
    """Whether it keeps its commits and checkpoints apart from those of other processes; earlier versions did not."""
    host: str = ""
    """The machine that it runs on; empty for this one."""

    def encrypts_with(self, key_id: str) -> bool:
        """Whether this is the process's primary key."""
        return self.key_ids is not None and self.key_ids[:1] == (key_id,)


class Presence(Protocol):
    """Registers this process as one that has the store open, and finds the others."""

    @property
    def name(self) -> str:
        """The name of this process, or of this one of its open stores; no other ever has the same."""

    def is_open(self, name: str) -> bool:
        """Whether the process with this name still has the store open."""

    def processes(self) -> list[StoreProcess]:
        """Return the processes that have the store open now, this one included."""

    def publish(self, key_ids: Sequence[str]) -> None:
        """Publish this process's keys to the others, the primary key first. Raises OSError."""

    def maintenance(self) -> AbstractContextManager[None]:
        """Lock out other commands that change the keyring or the whole store; raises StoreInUse if one is running."""

    @property
    def machine(self) -> str:
        """A name of this machine and its last start; empty if no other machine can have the store open."""

    @property
    def owner(self) -> str:
        """The name under which this server's events are stored; empty if no other server can have the store open."""

    def has_ended(self, owner: str) -> bool:
        """Whether this server has ended, and it is certain that it commits nothing more."""

    def ended_owners(self) -> Sequence[str]:
        """Return the servers that have ended, once it is certain that they commit nothing more.

        A name is returned until the caller calls `forget_owner`, when it has taken over all its events.
        """

    def forget_owner(self, owner: str) -> None:
        """No events of this owner are left."""

    def primary_key(self) -> str | None:
        """Return the id of the key with which every process encrypts; None: the first one of its keyring."""

    def set_primary_key(self, key_id: str) -> None:
        """Let every process encrypt with this key, within a few seconds. Raises StoreUnavailable."""

    def leads(self) -> bool:
        """Whether this is the one server that runs ordered events: of those that have not ended, the oldest."""

    def next_number(self) -> int:
        """Return a number that is greater than every one that any server got before. Raises StoreUnavailable."""

    def when_announced(self, callback: Callable[[], None]) -> None:
        """Call this, in a thread, when another process has stored events for any server to take."""

    def when_fenced(self, callback: Callable[[], None]) -> None:
        """Call this, in a thread, if this server's lease has ended and another server has taken over its events.

        Every later commit of this process raises StoreUnavailable.
        """

    def close(self) -> None:
        """Unregister. Closing twice is harmless."""
