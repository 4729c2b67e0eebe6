"""The tokens of all installations, and their refreshes: the blocking calls.

Invariant: a new pair is stored only in place of the pair that was sent to Slack. A token that was installed again, or
removed, meanwhile, is never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from latchkey.storage.engine import Change, Presence
from latchkey.storage.installations import (
    TokenId,
    TokenPair,
    WorkspaceKey,
    commit_with_retry,
    expiry_id,
    pair_in,
    with_pair,
)
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import EXPIRIES, REFRESHES
from latchkey.storage.tokens.attempt import LEASE_SECONDS, Attempt, NotBegun, RefreshState, Wait


class _Read(NamedTuple):
    home: Stored
    pair: TokenPair


class BlockingTokens:
    """One object for each open store. Calls raise StoreUnavailable, and UnreadableRecord for a token's record."""

    def __init__(self, records: Records, presence: Presence, on_change: Callable[[WorkspaceKey], None]) -> None:
        """`on_change` is called after each new token, also if it is uncertain whether it was committed."""
        self._records = records
        self._presence = presence
        self._on_change = on_change

    def pair(self, token_id: TokenId) -> TokenPair | None:
        """Return the stored token; None if there is none."""
        found = self._read(token_id)
        return found.pair if found else None

    def refresh_state(self, token_id: TokenId) -> RefreshState:
        """Return what is known of the token's refreshes."""
        return RefreshState.of(self._records.read(REFRESHES, token_id.record_id))

    def begin(self, token_id: TokenId, pair: TokenPair, now: float, *, early: bool = False) -> Attempt | NotBegun:
        """Begin the refresh of this pair at `now` (Unix seconds), and take its lease.

        `early`: even if the last attempt has failed just now, unless Slack limits the rate. The lease of a process that
        has ended, and one of this store's own, are taken over; so two callers of the same store must not refresh a
        token at once.
        """
        stored = self._records.read(REFRESHES, token_id.record_id)
        state = RefreshState.of(stored)
        found = self._read(token_id)
        if found is None or found.pair != pair:
            return NotBegun(Wait.CHANGED, state)
        if state.reinstall_since is not None:
            return NotBegun(Wait.MUST_REINSTALL, state)
        if state.is_leased_at(now) and self._is_other_process(state.owner):
            return NotBegun(Wait.LEASED, state)
        if state.owner is None and now < (state.limited_until if early else state.retry_at):
            return NotBegun(Wait.LATER, state)
        leased = replace(state, owner=self._presence.name, lease_until=now + LEASE_SECONDS)
        changes = [
            self._records.replace(REFRESHES, stored, token_id.record_id, leased.value()),
            # Unchanged, but compared: another process may have refreshed the token since it was read here.
            self._records.replace(token_id.home, found.home, token_id.home_id, found.home.value),
        ]
        if not self._records.commit(changes):
            return NotBegun(Wait.CHANGED, state)
        return Attempt(token_id, pair, leased)

    def complete(self, attempt: Attempt, pair: TokenPair) -> bool:
        """Store the new pair; False if the old one is no longer there, and then nothing is stored."""
        token_id, old = attempt.token_id, attempt.pair

        def prepare() -> list[Change]:
            found = self._read(token_id)
            if found is None or found.pair != old:
                return []
            changes = [
                self._records.replace(
                    token_id.home, found.home, token_id.home_id, with_pair(token_id, found.home.value, pair)
                ),
                self._records.discard(REFRESHES, token_id.record_id),
            ]
            if old.expires_at is not None:
                changes.append(self._records.discard(EXPIRIES, expiry_id(token_id, old.expires_at)))
            if pair.expires_at is not None:
                changes.append(self._records.put(EXPIRIES, expiry_id(token_id, pair.expires_at), None))
            return changes

        try:
            return commit_with_retry(prepare, self._records.commit) > 0
        finally:
            self._on_change(token_id.key)

    def fail(self, attempt: Attempt, reason: str, *, retry_at: float, is_limited: bool = False) -> None:
        """End an attempt that brought no new pair; the next one is due at `retry_at` (Unix seconds).

        `is_limited`: Slack limits the rate until then.
        """
        failed = replace(
            attempt.state,
            owner=None,
            lease_until=0.0,
            failures=attempt.state.failures + 1,
            retry_at=retry_at,
            limited_until=retry_at if is_limited else 0.0,
            reason=reason,
        )
        self._end(attempt, failed)

    def cancel(self, attempt: Attempt) -> None:
        """End an attempt of which nothing is to be remembered."""
        stored = self._records.read(REFRESHES, attempt.token_id.record_id)
        if stored is not None and RefreshState.of(stored) == attempt.state:
            self._records.commit([self._records.remove(REFRESHES, stored)])

    def remove_abandoned(self, token_id: TokenId, now: float) -> None:
        """Forget an attempt that was cut off and need not be repeated, because nothing is left to refresh."""
        stored = self._records.read(REFRESHES, token_id.record_id)
        state = RefreshState.of(stored)
        if stored is None or state.owner is None:
            return
        if not state.is_leased_at(now) or not self._presence.is_open(state.owner):
            self._records.commit([self._records.remove(REFRESHES, stored)])

    def mark(self, attempt: Attempt, reason: str, *, now: float) -> bool:
        """End an attempt that Slack has refused for good: the app must be reinstalled.

        False if the pair is no longer the one that was sent; then there is no mark.
        """
        marked = replace(
            attempt.state,
            owner=None,
            lease_until=0.0,
            retry_at=0.0,
            limited_until=0.0,
            reason=reason,
            reinstall_since=now,
        )
        return self._end(attempt, marked)

    def _end(self, attempt: Attempt, state: RefreshState) -> bool:
        """Store the state that an attempt ends with, if the attempt is still this one's and the pair the same."""
        token_id, ended = attempt.token_id, False

        def prepare() -> list[Change]:
            nonlocal ended
            ended = False
            stored = self._records.read(REFRESHES, token_id.record_id)
            found = self._read(token_id)
            if stored is None or RefreshState.of(stored) != attempt.state or found is None:
                return []
            if found.pair != attempt.pair:
                return [self._records.remove(REFRESHES, stored)]
            ended = True
            changes = [self._records.replace(REFRESHES, stored, token_id.record_id, state.value())]
            if state.reinstall_since is not None and attempt.pair.expires_at is not None:
                # So that the sweep does not come upon it again.
                changes.append(self._records.discard(EXPIRIES, expiry_id(token_id, attempt.pair.expires_at)))
            return changes

        commit_with_retry(prepare, self._records.commit)
        return ended

    def _read(self, token_id: TokenId) -> _Read | None:
        stored = self._records.read(token_id.home, token_id.home_id)
        pair = pair_in(token_id, stored.value) if stored else None
        return _Read(stored, pair) if stored and pair else None

    def _is_other_process(self, name: str | None) -> bool:
        return name is not None and name != self._presence.name and self._presence.is_open(name)
