"""Makes clients for Slack's Web API, which share one connection pool, and posts to `response_url`.

Listeners get a client that retries. A request that must not be sent twice, such as the exchange of a code, uses one
that does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client.instrumented import (
    CANCELLED,
    TIMEOUT,
    UNREACHABLE,
    CallObserver,
    InstrumentedClient,
    ignore_call,
    outcome_of,
)
from latchkey.slackapi.client.rate_limits import RateLimits, ReleasableSlot
from latchkey.slackapi.client.retrying import RetryingClient
from latchkey.slackapi.client.unix_sockets import UnixSocketConnector
from latchkey.slackapi.requests import WorkspaceId

REQUEST_TIMEOUT = 30
"""Seconds for one request; slack_sdk's own default, which it does not apply to a session that is passed to it."""
MAX_CONNECTIONS = 100
"""Simultaneous connections to Slack."""
RESPONSE_URL_TIMEOUT = 10.0
"""Seconds for one post to a `response_url`."""
_SLACK_DOMAINS = (".slack.com", ".slack-gov.com")


def open_session(unix_sockets: Path | None = None) -> aiohttp.ClientSession:
    """Return the connection pool for all calls to Slack; the caller closes it.

    If `unix_sockets` is given, Slack is reached through the sockets in that folder; see `UnixSocketConnector`.
    """
    connector: aiohttp.BaseConnector = (
        UnixSocketConnector(unix_sockets, limit=MAX_CONNECTIONS)
        if unix_sockets
        else aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    )
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT))


class WebClients:
    """Makes slack_sdk clients that share one aiohttp session."""

    def __init__(
        self,
        *,
        api_url: str,
        session: aiohttp.ClientSession,
        limits: RateLimits | None = None,
        on_call: CallObserver = ignore_call,
    ) -> None:
        """`on_call` is called after each request to Slack."""
        self._api_url = api_url
        self._session = session
        self._limits = limits or RateLimits()
        self._on_call = on_call
        self._api_origin = urlsplit(api_url)
        # slack_sdk logs request bodies at debug level; this logger drops them.
        self._logger = logging.getLogger("slack_sdk.latchkey")
        self._logger.setLevel(logging.WARNING)

    def client(self, token: str | None = None) -> AsyncWebClient:
        """Return a client that sends each call once."""
        return InstrumentedClient(token=token, retry_handlers=[], **self._settings())

    def retrying_client(self, token: str, workspace: WorkspaceId, slot: ReleasableSlot | None = None) -> AsyncWebClient:
        """Return a workspace's client, which waits out limits; `slot` is released while one of its calls waits."""
        return RetryingClient(
            workspace=workspace,
            limits=self._limits,
            slot=slot,
            token=token,
            # With an org-wide token, Slack needs the team that a call is about.
            team_id=workspace.team_id if workspace.is_enterprise_install else None,
            retry_handlers=[],
            **self._settings(),
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._api_url,
            "timeout": REQUEST_TIMEOUT,
            "session": self._session,
            "logger": self._logger,
            "on_call": self._on_call,
        }

    async def post_response_url(self, url: str, message: Mapping[str, Any]) -> None:
        """Post a message to a payload's `response_url`. Raises SlackUnavailable if Slack does not accept it."""
        if not self._is_slacks(url):
            # The URL came in a signed payload, but it still must not lead into the private network.
            raise SlackUnavailable("response_url", "the address is not Slack's")
        timeout = aiohttp.ClientTimeout(total=RESPONSE_URL_TIMEOUT)
        started, outcome = time.monotonic(), CANCELLED
        try:
            async with self._session.post(url, json=message, timeout=timeout, allow_redirects=False) as response:
                outcome = outcome_of(response.status, None)
                if response.status != 200:
                    raise SlackUnavailable("response_url", f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = TIMEOUT if isinstance(error, TimeoutError) else UNREACHABLE
            raise SlackUnavailable("response_url", type(error).__name__) from None
        finally:
            self._on_call("response_url", outcome, time.monotonic() - started)

    def _is_slacks(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme == "https" and (parts.hostname or "").endswith(_SLACK_DOMAINS) and port in (None, 443):
            return True
        # The simulator's URLs are at the API's own origin.
        return (parts.scheme, parts.netloc) == (self._api_origin.scheme, self._api_origin.netloc)
