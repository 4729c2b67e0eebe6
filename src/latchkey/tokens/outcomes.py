"""How a refresh ends."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from latchkey.storage import TokenId, TokenPair

FIRST_RETRY_SECONDS = 2.0
MAX_RETRY_SECONDS = 600.0


class Outcome(StrEnum):
    """How an attempt ended."""

    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    """There was nothing to do, or the app was reinstalled or removed meanwhile."""
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    """It is tried again later."""
    MUST_REINSTALL = "must_reinstall"


class Refreshed(NamedTuple):
    """The result of a refresh."""

    outcome: Outcome
    pair: TokenPair | None
    """The token that is stored now, new or not; None if there is none."""
    reason: str = ""
    """Why there is no new token: Slack's error code, or a phrase."""
    retry_after: float = 0.0
    """Seconds for which Slack accepts no refresh, if the outcome is RATE_LIMITED."""


RefreshObserver: TypeAlias = Callable[[TokenId, Refreshed], None]


def ignore_refresh(_token_id: TokenId, _refreshed: Refreshed) -> None:
    """Default observer: does nothing."""


def retry_delay(failures: int) -> float:
    """Return the seconds before the next attempt, after this many failed ones before the last."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 16), MAX_RETRY_SECONDS)
