"""What the store knows of a token's refreshes.

Invariant: an attempt is stored before it is sent to Slack, with a lease, so that no other process sends the same
refresh token, and so that a crash in between is noticed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from latchkey.storage.installations import TokenId, TokenPair
from latchkey.storage.records import Stored

CLOCK_SECONDS = 30.0
"""How much earlier than the owner of a lease another process may have read the clock before it reads the lease."""
LEASE_SECONDS = 30.0
"""The longest time from the begin of an attempt to its end. An attempt that did not end by then has crashed."""


@dataclass(frozen=True)
class RefreshState:
    """One record of REFRESHES. All times are in Unix seconds."""

    owner: str | None = None
    """The name of the process whose attempt is in progress; see `Presence`. None: there is no such attempt."""
    lease_until: float = 0.0
    failures: int = 0
    """Failed attempts in a row."""
    retry_at: float = 0.0
    """No attempt before then, unless the token has expired."""
    limited_until: float = 0.0
    """No attempt before then at all, because Slack limits the rate."""
    reason: str = ""
    """Why the last attempt failed: Slack's error code, or a phrase."""
    reinstall_since: float | None = None
    """When Slack refused the refresh token for good; the app must be reinstalled. None: it has not."""

    @classmethod
    def of(cls, stored: Stored | None) -> RefreshState:
        return cls() if stored is None else cls(**stored.value)

    def value(self) -> dict[str, Any]:
        """Return the record's value."""
        return asdict(self)

    def is_leased_at(self, now: float) -> bool:
        """Whether the lease has not ended; one that ends too late was written before the clock was set back."""
        return self.owner is not None and now < self.lease_until <= now + LEASE_SECONDS + CLOCK_SECONDS


class Attempt(NamedTuple):
    """A refresh that has begun. The caller sends its refresh token, and then ends the attempt."""

    token_id: TokenId
    pair: TokenPair
    """The token that is to be replaced."""
    state: RefreshState
    """What the record has now."""


class Wait(StrEnum):
    """Why no attempt may begin now."""

    CHANGED = "changed"
    """The pair has been replaced since it was read: read it again."""
    LEASED = "leased"
    """Another process is refreshing the token."""
    MUST_REINSTALL = "must_reinstall"
    """Slack has refused the refresh token for good."""
    LATER = "later"
    """The last attempt has failed, and it is too early for the next one."""


class NotBegun(NamedTuple):
    """No attempt has begun, for this reason."""

    wait: Wait
    state: RefreshState
