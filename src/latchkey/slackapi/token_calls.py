"""Slack's calls for tokens that expire: refresh one, and exchange a long-lived one for a pair.

Invariant: each call is sent once. A refresh token works once, so only a caller that has recorded its attempt may send
it again. Tokens are never in an exception.
https://docs.slack.dev/authentication/using-token-rotation
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client import WebClients, response_data

TIMEOUT_SECONDS = 10.0
REFRESH = "oauth.v2.access"
EXCHANGE = "oauth.v2.exchange"
FINAL_ERRORS = frozenset({"account_inactive", "invalid_refresh_token", "token_expired", "token_revoked"})
"""Slack's errors after which a refresh token never works again (docs.slack.dev, oauth.v2.access, "Errors")."""


@dataclass(frozen=True)
class IssuedTokens:
    """An access token and the refresh token that replaces it."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds."""

    def __repr__(self) -> str:
        """Leave out the tokens, so that none gets into a log."""
        return f"IssuedTokens(expires_in={self.expires_in})"


class TokenCalls:
    """The token calls of one Slack app; both raise SlackRefused or SlackUnavailable."""

    def __init__(
        self, web: WebClients, *, client_id: str, client_secret: Callable[[], str], timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """`client_secret` returns the secret, which may change; `timeout` is in seconds, for each call."""
        self._web = web
        self._client_id = client_id
        self._client_secret = client_secret
        self._timeout = timeout

    async def refresh(self, refresh_token: str) -> IssuedTokens:
        """Return the tokens that Slack issues for a refresh token, which does not work again."""
        credentials = {"client_id": self._client_id, "client_secret": self._client_secret()}
        client = await self._client()
        call = client.oauth_v2_access(grant_type="refresh_token", refresh_token=refresh_token, **credentials)
        return _issued(REFRESH, await response_data(REFRESH, call, self._timeout))

    async def exchange(self, token: str) -> IssuedTokens:
        """Return the tokens that Slack issues for a long-lived token, which does not work again."""
        # slack_sdk's own oauth_v2_exchange puts the token and the secret into the URL, which proxies log.
        fields = {"client_id": self._client_id, "client_secret": self._client_secret(), "token": token}
        call = (await self._client()).api_call(EXCHANGE, data=fields)
        return _issued(EXCHANGE, await response_data(EXCHANGE, call, self._timeout))

    async def _client(self) -> Any:
        if not self._web.is_loaded:
            await self._web.load()
        return self._web.client()


def _issued(method: str, answer: dict[str, Any]) -> IssuedTokens:
    token, refresh_token, seconds = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
    if not (isinstance(token, str) and token and isinstance(refresh_token, str) and refresh_token):
        raise SlackUnavailable(method, "its response lacks a token")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
        raise SlackUnavailable(method, "its response does not say when the token expires")
    return IssuedTokens(token, refresh_token, seconds)
