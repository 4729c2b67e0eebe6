"""Failures and rate limits that a test or a person asks for, in both directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Matches: TypeAlias = Callable[[Mapping[str, Any]], bool]
"""Called with a call's arguments; returns whether it fails."""


def every_call(arguments: Mapping[str, Any]) -> bool:
    """Match every call of a method."""
    return True


@dataclass
class ApiFault:
    """How the next calls of one method fail.

    Without a status, an error, a body or `closes`, calls are only slow.
    """

    times: int
    """How many calls it affects."""
    status: int = 200
    error: str | None = None
    seconds: float = 0.0
    """Delay before the response."""
    body: bytes | None = None
    """Sent as JSON instead of a response, whatever it is."""
    retry_after: int = 1
    """Seconds in the Retry-After header of a response with another status than 200."""
    acts: bool = False
    """Whether Slack carries the call out before it fails, so that only the answer is lost."""
    closes: bool = False
    """Whether the connection is closed instead of a response."""
    matches: Matches = every_call


@dataclass
class RateLimit:
    """How many calls of one method Slack accepts in each period, for each workspace.

    https://docs.slack.dev/apis/web-api/rate-limits
    """

    calls: int
    seconds: float
    """The length of a period."""
    _periods: dict[str, tuple[float, int]] = field(default_factory=dict)
    """The start of each workspace's period, and how many calls it has had."""

    def retry_after(self, workspace: str, now: float) -> int | None:
        """Count a call; returns None if it is accepted, otherwise the seconds until one will be."""
        began, count = self._periods.get(workspace, (now, 0))
        if now >= began + self.seconds:
            began, count = now, 0
        if count >= self.calls:
            return max(1, math.ceil(began + self.seconds - now))
        self._periods[workspace] = began, count + 1
        return None


EVERY_METHOD = "*"
"""In place of a method's name: all methods of the Web API."""


@dataclass
class SendingFaults:
    """What goes wrong with the requests to the app that do not ask for anything else."""

    bad_signature: bool = False
    age: int = 0
    """Seconds since the signature was made; negative: made in the future, as by a wrong clock."""
    delay: float = 0.0
    """Seconds before each request is sent."""
    copies: int = 1
    """How many times each event is sent."""
    swaps: bool = False
    """Whether each event waits for the next one, and arrives after it."""
    retry_delays: tuple[float, ...] = ()
    """Seconds before each retry of an event that the app did not acknowledge; empty: no retries."""


SLACK_RETRY_DELAYS = (1.0, 60.0, 300.0)
"""Almost immediately, after one minute, and after five: https://docs.slack.dev/apis/events-api#retries."""
