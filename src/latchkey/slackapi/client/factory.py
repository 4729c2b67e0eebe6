"""Slack's Web API: one connection pool, a client for each call of a listener, and the posting to `response_url`.

Rule: what a listener calls is patient (`patient_client`); what must happen once
or not at all, as the exchange of a code, is sent once.
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
    Watch,
    WatchedClient,
    nobody_watches,
    outcome_of,
)
from latchkey.slackapi.client.rate_limits import RateLimits, ReleasableSlot
from latchkey.slackapi.client.retrying import PatientClient
from latchkey.slackapi.client.unix_sockets import UnixSocketConnector
from latchkey.slackapi.requests import WorkspaceId

TIMEOUT_SECONDS = 30
"""For one request; slack_sdk's own default, which it does not apply to a session that it is given."""
CONNECTIONS = 100
"""To Slack, at once."""
RESPONSE_URL_SECONDS = 10.0
_SLACK_DOMAINS = (".slack.com", ".slack-gov.com")


def open_session(unix_sockets: Path | None = None) -> aiohttp.ClientSession:
    """Return the connection pool for all calls to Slack; whoever opens it closes it.

    With `unix_sockets`, a folder of unix sockets named HOST:PORT, Slack is reached through those.
    """
    connector: aiohttp.BaseConnector = (
        UnixSocketConnector(unix_sockets, limit=CONNECTIONS)
        if unix_sockets
        else aiohttp.TCPConnector(limit=CONNECTIONS)
    )
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


class WebClients:
    """Makes slack_sdk's clients, which share one aiohttp session."""

    def __init__(
        self,
        *,
        api_url: str,
        session: aiohttp.ClientSession,
        limits: RateLimits | None = None,
        watch: Watch = nobody_watches,
    ) -> None:
        """`watch` is told of each request to Slack and of its outcome."""
        self._api_url = api_url
        self._session = session
        self._limits = limits or RateLimits()
        self._watch = watch
        self._api_origin = urlsplit(api_url)
        # slack_sdk logs bodies at debug level; this logger never lets them through.
        self._logger = logging.getLogger("slack_sdk.latchkey")
        self._logger.setLevel(logging.WARNING)

    def client(self, token: str | None = None) -> AsyncWebClient:
        """Return a client whose calls are sent once each."""
        return WatchedClient(token=token, retry_handlers=[], **self._settings())

    def retrying_client(self, token: str, workspace: WorkspaceId, slot: ReleasableSlot | None = None) -> AsyncWebClient:
        """Return a workspace's client, which waits out limits; `slot` is released while one of its calls waits."""
        return PatientClient(
            workspace=workspace,
            limits=self._limits,
            slot=slot,
            token=token,
            # An org-wide token needs the team that a call is about.
            team_id=workspace.team_id if workspace.is_enterprise_install else None,
            retry_handlers=[],
            **self._settings(),
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._api_url,
            "timeout": TIMEOUT_SECONDS,
            "session": self._session,
            "logger": self._logger,
            "watch": self._watch,
        }

    async def post_response_url(self, url: str, message: Mapping[str, Any]) -> None:
        """Post a message to a payload's `response_url`; raises SlackUnavailable where Slack does not take it."""
        if not self._is_slacks(url):
            # The URL came in a signed payload, but it is not followed into the private network all the same.
            raise SlackUnavailable("response_url", "the address is not Slack's")
        timeout = aiohttp.ClientTimeout(total=RESPONSE_URL_SECONDS)
        begun, outcome = time.monotonic(), CANCELLED
        try:
            async with self._session.post(url, json=message, timeout=timeout, allow_redirects=False) as response:
                outcome = outcome_of(response.status, None)
                if response.status != 200:
                    raise SlackUnavailable("response_url", f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = TIMEOUT if isinstance(error, TimeoutError) else UNREACHABLE
            raise SlackUnavailable("response_url", type(error).__name__) from None
        finally:
            self._watch("response_url", outcome, time.monotonic() - begun)

    def _is_slacks(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme == "https" and (parts.hostname or "").endswith(_SLACK_DOMAINS) and port in (None, 443):
            return True
        # With a simulated Slack, URLs at its own origin are Slack's.
        return (parts.scheme, parts.netloc) == (self._api_origin.scheme, self._api_origin.netloc)
