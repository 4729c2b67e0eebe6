"""Failures of the Web API that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
