"""What a request to Slack came to, in one word."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from latchkey.slackapi.client.responses import is_error_code

CallObserver: TypeAlias = Callable[[str, str, float], None]
"""Called with (method, outcome, elapsed seconds)."""

OK = "ok"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
UNREADABLE = "unreadable"
"""A response that is not Slack's, such as a proxy's page."""
CANCELLED = "cancelled"
"""The caller stopped waiting."""


def ignore_call(method: str, outcome: str, seconds: float) -> None:
    """Default observer: does nothing."""


def outcome_of(status: int, data: object) -> str:
    """Return one word for a response: `ok`, Slack's error code, `http_503` and similar, or `unreadable`."""
    error = data.get("error") if isinstance(data, dict) else None
    if is_error_code(error):
        return error
    if status != 200:
        return f"http_{status}" if 100 <= status < 600 else UNREADABLE
    return OK if not isinstance(data, dict) or data.get("ok") is True else UNREADABLE
