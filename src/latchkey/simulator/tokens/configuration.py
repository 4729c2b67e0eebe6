"""App configuration tokens: a person creates and changes apps with them. They are not tokens of an app.

https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from latchkey.simulator.tokens.book import TokenRefused
from latchkey.simulator.tokens.token import TOKEN_SECONDS


class ConfigurationTokens:
    """The configuration tokens of one person in one workspace."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` returns Unix seconds."""
        self._clock = clock
        self._expiry: dict[str, int] = {}
        """When each access token expires, in Unix seconds."""
        self._unused: set[str] = set()
        """The refresh tokens that have not been used."""

    def issue(self) -> dict[str, Any]:
        """Return a new pair in the form of the response of tooling.tokens.rotate."""
        now = int(self._clock())
        token = f"xoxe.xoxp-1-{secrets.token_hex(32)}"
        refresh_token = f"xoxe-1-{secrets.token_hex(32)}"
        self._expiry[token] = now + TOKEN_SECONDS
        self._unused.add(refresh_token)
        return {
            "token": token,
            "refresh_token": refresh_token,
            "team_id": "T0ACME",
            "user_id": "U0ALICE",
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }

    def rotate(self, refresh_token: str) -> dict[str, Any]:
        """Return a new pair for a refresh token, which works once. Raises TokenRefused."""
        if refresh_token not in self._unused:
            raise TokenRefused("invalid_refresh_token")
        self._unused.remove(refresh_token)
        return self.issue()

    def revoke(self, token: str) -> None:
        """Delete a token, as a person does on the page of their apps."""
        self._expiry.pop(token, None)

    def authenticate(self, token: str) -> None:
        """Raise TokenRefused if this is not a valid access token."""
        if not token:
            raise TokenRefused("not_authed")
        if token not in self._expiry:
            raise TokenRefused("invalid_auth")
        if self._clock() >= self._expiry[token]:
            raise TokenRefused("token_expired")
