"""Slack's Web API: one connection pool, a client for each token, and the posting to `response_url`.

Rule: a call that may have reached Slack is not sent twice. What is tried again
by itself is a connection that never came about, and a rate limit, to which
Slack has said when.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from errors import SlackUnavailable

TIMEOUT_SECONDS = 30
"""For one call; slack_sdk's own default."""
RESPONSE_URL_SECONDS = 10.0
_SLACK_DOMAINS = (".slack.com", ".slack-gov.com")


class WebClients:
    """Makes slack_sdk's clients, which share one aiohttp session."""

    def __init__(self, *, api_url: str, session: aiohttp.ClientSession) -> None:
        self._api_url = api_url
        self._session = session
        self._stand_in = urlsplit(api_url)
        # slack_sdk logs bodies at debug level; this logger never lets them through.
        self._logger = logging.getLogger("slack_sdk.latchkey")
        self._logger.setLevel(logging.WARNING)

    def client(self, token: str | None = None, *, team_id: str | None = None, retry: bool = True) -> AsyncWebClient:
        """Return a client with this token; `retry=False` for calls that must happen once or not at all."""
        return AsyncWebClient(
            token=token,
            base_url=self._api_url,
            timeout=TIMEOUT_SECONDS,
            session=self._session,
            team_id=team_id,
            logger=self._logger,
            retry_handlers=_handlers() if retry else [],
        )

    async def post_response_url(self, url: str, message: Mapping[str, Any]) -> None:
        """Post a message to a payload's `response_url`; raises SlackUnavailable where Slack does not take it."""
        if not self._is_slacks(url):
            # The URL came in a signed payload, but it is not followed into the private network all the same.
            raise SlackUnavailable("response_url", "the address is not Slack's")
        timeout = aiohttp.ClientTimeout(total=RESPONSE_URL_SECONDS)
        try:
            async with self._session.post(url, json=message, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise SlackUnavailable("response_url", f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackUnavailable("response_url", type(error).__name__) from None

    def _is_slacks(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme == "https" and (parts.hostname or "").endswith(_SLACK_DOMAINS) and port in (None, 443):
            return True
        # Beside a stand-in Slack, its own origin is Slack's.
        return (parts.scheme, parts.netloc) == (self._stand_in.scheme, self._stand_in.netloc)


def _handlers() -> list[AsyncRetryHandler]:
    # A connector error means that nothing was sent, so any method may be tried again after it.
    return [
        AsyncConnectionErrorRetryHandler(max_retry_count=2, error_types=[aiohttp.ClientConnectorError]),
        AsyncRateLimitErrorRetryHandler(max_retry_count=1),
    ]
