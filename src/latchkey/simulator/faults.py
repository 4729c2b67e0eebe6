"""Failures and rate limits of the Web API that a test asks for."""

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
