"""Makes clients for Slack's Web API, which share one connection pool, and posts to `response_url`.

Listeners get a client that retries. A request that must not be sent twice, such as the exchange of a code, uses one
that does not.

aiohttp and slack_sdk's async client take 11 MB and a quarter of a second to import, so they are imported when the
first call needs them.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from latchkey.errors import SlackUnavailable, SlackUnreachable
from latchkey.slackapi.client.outcomes import CANCELLED, TIMEOUT, UNREACHABLE, CallObserver, ignore_call, outcome_of
from latchkey.slackapi.client.proxy import ProxyFor, no_proxy
from latchkey.slackapi.client.rate_limits import RateLimits, ReleasableSlot
from latchkey.slackapi.client.responses import failure_reason
from latchkey.slackapi.requests import WorkspaceId

if TYPE_CHECKING:
    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.webhook import WebhookResponse

    from latchkey.slackapi.client.completing import Completion
    from latchkey.slackapi.client.retrying import FreshToken

REQUEST_TIMEOUT = 30
"""Seconds for one request; slack_sdk's own default, which it does not apply to a session that is passed to it."""
RESPONSE_URL_TIMEOUT = 10.0
"""Seconds for one post to a `response_url`."""
_SLACK_DOMAINS = (".slack.com", ".slack-gov.com")


class WebClients:
    """Makes slack_sdk clients that share one aiohttp session; an async context manager, which closes it."""

    def __init__(
        self,
        *,
        api_url: str,
        unix_sockets: Path | None = None,
        proxy_for: ProxyFor = no_proxy,
        limits: RateLimits | None = None,
        on_call: CallObserver = ignore_call,
    ) -> None:
        """`on_call` is called after each request to Slack; for `unix_sockets` see `open_session`.

        Raises what `proxy_for` raises.
        """
        self._api_url = api_url
        self._unix_sockets = unix_sockets
        self._proxy_for = no_proxy if unix_sockets else proxy_for
        self._api_proxy = self._proxy_for(api_url)
        self._opened: aiohttp.ClientSession | None = None
        self.is_loaded = False
        """Whether making a client takes no time; otherwise await `load` first."""
        self._limits = limits or RateLimits()
        self._on_call = on_call
        self._api_origin = urlsplit(api_url)
        # slack_sdk logs request bodies at debug level; this logger drops them.
        self._logger = logging.getLogger("slack_sdk.latchkey")
        self._logger.setLevel(logging.WARNING)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def load(self) -> None:
        """Import the libraries in a thread, because the import would block the event loop for a quarter of a second.

        Clients can be made in any thread afterwards.
        """
        await asyncio.to_thread(importlib.import_module, "latchkey.slackapi.client.retrying")
        self._open()
        self.is_loaded = True

    def _open(self) -> aiohttp.ClientSession:
        """Return the session; the first call must be on the event loop."""
        from latchkey.slackapi.client.session import open_session

        if self._opened is None:
            self._opened = open_session(timeout=REQUEST_TIMEOUT, unix_sockets=self._unix_sockets)
        return self._opened

    def client(self, token: str | None = None) -> AsyncWebClient:
        """Return a client that sends each call once."""
        from latchkey.slackapi.client.instrumented import InstrumentedClient

        return InstrumentedClient(token=token, retry_handlers=[], **self._settings())

    def retrying_client(
        self,
        token: str | None,
        workspace: WorkspaceId,
        slot: ReleasableSlot | None = None,
        *,
        fallback_token: str | None = None,
        fresh_token: FreshToken | None = None,
        completion: Completion | None = None,
    ) -> AsyncWebClient:
        """Return a workspace's client, which waits out limits; `slot` is released while one of its calls waits.

        Without a `token`, its calls raise NoToken. `fallback_token` replaces it at the first call for which
        Slack no longer accepts it, and what `fresh_token` returns replaces one that has expired. Its calls complete the
        run that `completion` is about at most once.
        """
        from latchkey.slackapi.client.retrying import RetryingClient

        return RetryingClient(
            workspace=workspace,
            limits=self._limits,
            slot=slot,
            fallback_token=fallback_token,
            fresh_token=fresh_token,
            completion=completion,
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
            "session": self._open(),
            "logger": self._logger,
            "on_call": self._on_call,
            "api_proxy": self._api_proxy,
            "proxy_for": self._proxy_for,
        }

    async def post_response_url(self, url: str, message: Mapping[str, Any]) -> WebhookResponse:
        """Post a message to a payload's `response_url`; return Slack's response.

        Raises SlackUnreachable if it was not sent, or SlackUnavailable if Slack does not accept it.
        """
        import aiohttp
        from slack_sdk.webhook import WebhookResponse

        if not self._is_slacks(url):
            # The URL came in a signed payload, but it still must not lead into the private network.
            raise SlackUnreachable("response_url", "the address is not Slack's")
        timeout = aiohttp.ClientTimeout(total=RESPONSE_URL_TIMEOUT)
        started, outcome = time.monotonic(), CANCELLED
        try:
            async with self._open().post(
                url, json=message, timeout=timeout, allow_redirects=False, **self._proxy_for(url)
            ) as response:
                outcome = outcome_of(response.status, None)
                if response.status != 200:
                    raise SlackUnavailable("response_url", f"status {response.status}")
                return WebhookResponse(
                    url=url, status_code=response.status, body=await response.text(), headers=dict(response.headers)
                )
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL) as error:
            # There was no connection yet; an outgoing proxy may have refused to make one.
            outcome = UNREACHABLE
            raise SlackUnreachable("response_url", failure_reason(error)) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = TIMEOUT if isinstance(error, TimeoutError) else UNREACHABLE
            raise SlackUnavailable("response_url", failure_reason(error)) from None
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
