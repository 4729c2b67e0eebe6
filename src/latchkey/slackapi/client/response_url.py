"""A payload's `response_url`, which takes five messages within 30 minutes.

Slack's limit is enforced here too, so that the sixth message fails with an error that says so instead of a bare 404.
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from latchkey.errors import ResponseUrlSpent, SlackUnreachable
from latchkey.slackapi.json_text import to_plain

if TYPE_CHECKING:
    from slack_sdk.webhook import WebhookResponse

MAX_MESSAGES = 5
LIFETIME_SECONDS = 1800.0

Post: TypeAlias = "Callable[[str, Mapping[str, Any]], Awaitable[WebhookResponse]]"


def response_url_of(body: Mapping[str, Any]) -> str | None:
    """Return a payload's response URL, or None. A submitted form may have several; the first one is returned."""
    url = body.get("response_url")
    if url is None:
        urls = body.get("response_urls")
        first = urls[0] if isinstance(urls, list) and urls else None
        url = first.get("response_url") if isinstance(first, dict) else None
    return url if isinstance(url, str) and url else None


class ResponseUrl:
    """One response URL, with the number of its messages and its age."""

    def __init__(self, url: str, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        """`post` sends one message to a URL; the 30 minutes start now."""
        self._url = url
        self._post = post
        self._clock = clock
        self._expires_at = clock() + LIFETIME_SECONDS
        self._messages = 0

    async def post(self, message: Mapping[str, Any]) -> WebhookResponse:
        """Post a message; return Slack's response.

        Raises TypeError, ResponseUrlSpent, or SlackUnavailable if Slack does not accept it.

        A message that was not sent does not count.
        """
        document = to_plain(message)
        if self._clock() >= self._expires_at:
            raise ResponseUrlSpent("it is older than 30 minutes")
        if self._messages == MAX_MESSAGES:
            raise ResponseUrlSpent(f"it was used {MAX_MESSAGES} times")
        self._messages += 1
        try:
            return await self._post(self._url, document)
        except SlackUnreachable:
            self._messages -= 1
            raise
