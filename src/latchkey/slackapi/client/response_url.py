"""A payload's `response_url`: five messages within 30 minutes.

Rule: Slack's limit is kept here too, so that the sixth message is an error that
says so, and not a 404 that nobody understands.
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from latchkey.errors import ResponseUrlSpent

USES = 5
SECONDS = 1800.0

Post = Callable[[str, Mapping[str, Any]], Awaitable[None]]


def response_url_of(body: Mapping[str, Any]) -> str | None:
    """Return where a payload may be answered, or None; a submitted form may have several, of which the first counts."""
    url = body.get("response_url")
    if url is None:
        urls = body.get("response_urls")
        first = urls[0] if isinstance(urls, list) and urls else None
        url = first.get("response_url") if isinstance(first, dict) else None
    return url if isinstance(url, str) and url else None


class ResponseUrl:
    """One address and what is left of it."""

    def __init__(self, url: str, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        """`post` sends one message there; the 30 minutes begin now."""
        self._url = url
        self._post = post
        self._clock = clock
        self._expires_at = clock() + SECONDS
        self._uses = 0

    async def post(self, message: Mapping[str, Any]) -> None:
        """Post a message; raises ResponseUrlSpent, or SlackUnavailable where Slack does not take it."""
        if self._clock() >= self._expires_at:
            raise ResponseUrlSpent("it is older than 30 minutes")
        if self._uses == USES:
            raise ResponseUrlSpent(f"it was used {USES} times")
        self._uses += 1
        await self._post(self._url, message)
