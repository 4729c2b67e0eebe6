"""A cache of decrypted tokens, so that an event needs no read and no decryption.

Invariant: it is limited in size and in age, and never older than a write of this process. After a write of another
process, `TokenWatch` clears it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy
from enum import Enum
from typing import Final, NamedTuple, TypeAlias, TypeVar

from slack_sdk.oauth.installation_store import Bot

from latchkey.storage.installations.workspace_key import WorkspaceKey

MAX_ENTRIES = 20_000
MAX_AGE_SECONDS = 30.0

K = TypeVar("K")
V = TypeVar("V")


class NotCached(Enum):
    """The type of NOT_CACHED."""

    NOT_CACHED = "not cached"


NOT_CACHED: Final = NotCached.NOT_CACHED
"""Nothing is known, unlike None: then there is no such record."""


class UserToken(NamedTuple):
    """The token of one person."""

    user_id: str
    token: str
    expires_at: int | None
    """Unix seconds; None if it does not expire."""

    def __repr__(self) -> str:
        """Leave out the token, so that it does not get into a log."""
        return f"UserToken(user_id={self.user_id!r}, expires_at={self.expires_at})"


_User: TypeAlias = tuple[WorkspaceKey, str | None]
"""A person in a workspace; None: the workspace's latest installer."""


class TokenCache:
    """A thread-safe cache of bots by workspace, and of people's tokens by workspace and user id.

    None is cached as well: that a workspace has no bot, or a person no token.
    """

    def __init__(
        self, clock: Callable[[], float], *, max_entries: int = MAX_ENTRIES, max_age: float = MAX_AGE_SECONDS
    ) -> None:
        """`clock` and `max_age` are in seconds."""
        self._clock = clock
        self._max_entries = max_entries
        self._max_age = max_age
        # All are ordered by insertion, so that the oldest entry is first. Plain dicts, because every event looks one
        # up, and cachetools takes four times as long.
        self._bots: dict[WorkspaceKey, tuple[Bot | None, float]] = {}
        self._users: dict[_User, tuple[UserToken | None, float]] = {}
        self._users_of: dict[WorkspaceKey, set[_User]] = {}
        self._people: dict[WorkspaceKey, tuple[frozenset[str], float]] = {}
        self._lock = threading.Lock()
        self._generation = 0

    def bot(self, key: WorkspaceKey) -> Bot | NotCached | None:
        """Return the workspace's bot. It is shared: copy it before passing it to other code."""
        found = self._bots.get(key)
        return found[0] if found is not None and self._clock() < found[1] else NOT_CACHED

    def user(self, key: WorkspaceKey, user_id: str | None) -> UserToken | NotCached | None:
        """Return a person's token; None: the workspace's latest installer."""
        found = self._users.get((key, user_id))
        if found is not None and self._clock() < found[1]:
            return found[0]
        people = self._people.get(key) if user_id is not None else None
        if people is not None and user_id not in people[0] and self._clock() < people[1]:
            return None
        return NOT_CACHED

    @property
    def generation(self) -> int:
        """Read this before reading from disk, and pass it to `put_bot` or `put_user`."""
        return self._generation

    def put_bot(self, key: WorkspaceKey, bot: Bot | None, generation: int) -> None:
        """Cache what was read at this generation; does nothing if there was a write since."""
        with self._lock:
            if generation == self._generation:
                self._put(self._bots, key, copy(bot))

    def put_user(self, key: WorkspaceKey, user_id: str | None, token: UserToken | None, generation: int) -> None:
        """The same for a person's token."""
        with self._lock:
            if generation != self._generation:
                return
            user = (key, user_id)
            evicted = self._put(self._users, user, token)
            self._users_of.setdefault(key, set()).add(user)
            if evicted is not None:
                self._forget_index(evicted)

    def put_people(self, key: WorkspaceKey, user_ids: frozenset[str], generation: int) -> None:
        """Cache who may have a token in a workspace: nobody else has one, so that most people need no look-up."""
        with self._lock:
            if generation == self._generation:
                self._put(self._people, key, user_ids)

    def forget(self, key: WorkspaceKey) -> None:
        """Forget the workspace's bot and its people's tokens."""
        with self._lock:
            self._generation += 1
            self._bots.pop(key, None)
            self._people.pop(key, None)
            for user in self._users_of.pop(key, ()):
                self._users.pop(user, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._generation += 1
            self._bots.clear()
            self._users.clear()
            self._users_of.clear()
            self._people.clear()

    def _put(self, entries: dict[K, tuple[V, float]], key: K, value: V) -> K | None:
        """Store a value; return the key of the entry that had to go for it, if one had to."""
        entries.pop(key, None)
        evicted = next(iter(entries)) if len(entries) >= self._max_entries else None
        if evicted is not None:
            del entries[evicted]
        entries[key] = value, self._clock() + self._max_age
        return evicted

    def _forget_index(self, user: _User) -> None:
        users = self._users_of[user[0]]
        users.discard(user)
        if not users:
            del self._users_of[user[0]]
