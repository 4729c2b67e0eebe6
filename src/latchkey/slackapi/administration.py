"""The operator's calls to Slack: check tokens and credentials, and uninstall the app from a workspace.

Invariant: no result and no error contains a token. The calls block, for
commands, which have no event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from latchkey.errors import SlackRefused, SlackUnavailable
from latchkey.slackapi.client import ProxyFor, WebClients, response_data
from latchkey.slackapi.revoking import REVOKED_ERRORS, uninstall_app

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
MAX_CONCURRENT_CALLS = 5
"""Slack allows hundreds of auth.test calls per minute."""
CREDENTIAL_ERRORS = frozenset({"bad_client_secret", "invalid_client_id"})
"""Slack's errors for wrong credentials (docs.slack.dev, oauth.v2.access, "Errors")."""


class TokenHealth(StrEnum):
    """Whether a token is valid."""

    VALID = "valid"
    REVOKED = "revoked"
    """It never works again: the app must be reinstalled."""
    UNKNOWN = "unknown"
    """Slack did not answer, or with an error that says nothing about the token."""


class TokenStatus(NamedTuple):
    """The result of `auth.test` for one token."""

    health: TokenHealth
    reason: str
    """Slack's error code, or why there was no answer; empty for a valid token."""


def check_tokens(api_url: str, tokens: Sequence[str], *, proxy_for: ProxyFor) -> list[TokenStatus]:
    """Check each token with Slack (method auth.test); returns the statuses in the same order."""

    async def check_all(web: WebClients) -> list[TokenStatus]:
        slots = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

        async def check(token: str) -> TokenStatus:
            async with slots:
                return await _status(web, token)

        return list(await asyncio.gather(*map(check, tokens)))

    return _with_slack(api_url, proxy_for, check_all)


class TokenOwner(NamedTuple):
    """What a token belongs to, from `auth.test`."""

    team_id: str | None
    """None for a token of an org-wide installation."""
    team_name: str | None
    enterprise_id: str | None
    user_id: str
    """The bot's user, or the person."""
    bot_id: str | None
    """None for a person's token."""
    is_enterprise_install: bool
    scopes: tuple[str, ...]
    """From the header X-OAuth-Scopes; empty if Slack did not send it."""


def token_owners(api_url: str, tokens: Sequence[str], *, proxy_for: ProxyFor) -> list[TokenOwner]:
    """Return the owner of each token (method auth.test); raises SlackRefused or SlackUnavailable."""

    async def ask_all(web: WebClients) -> list[TokenOwner]:
        return [await _owner(web, token) for token in tokens]

    return _with_slack(api_url, proxy_for, ask_all)


def uninstall(api_url: str, token: str, *, client_id: str, client_secret: str, proxy_for: ProxyFor) -> None:
    """Uninstall the app from the workspace that this token belongs to (method apps.uninstall).

    Raises SlackRefused or SlackUnavailable.
    """

    async def call_slack(web: WebClients) -> None:
        await uninstall_app(web, token, client_id=client_id, client_secret=client_secret)

    _with_slack(api_url, proxy_for, call_slack)


def check_credentials(api_url: str, client_id: str, client_secret: str, *, proxy_for: ProxyFor) -> str:
    """Check the app's credentials; returns Slack's error code if it refuses them, and "" otherwise.

    Exchanges a made-up code: Slack checks the credentials first. Also returns "" if Slack cannot be
    reached, which other checks report.
    """

    async def call_slack(web: WebClients) -> str:
        call = web.client().oauth_v2_access(client_id=client_id, client_secret=client_secret, code="0")
        try:
            await response_data("oauth.v2.access", call, TIMEOUT_SECONDS)
        except SlackRefused as error:
            return error.reason if error.reason in CREDENTIAL_ERRORS else ""
        except SlackUnavailable:
            return ""
        return ""

    return _with_slack(api_url, proxy_for, call_slack)


async def _owner(web: WebClients, token: str) -> TokenOwner:
    headers: dict[str, str] = {}

    async def call() -> Any:
        response = await web.client(token).auth_test()
        headers.update({name.lower(): value for name, value in response.headers.items()})
        return response

    answer = await response_data("auth.test", call(), TIMEOUT_SECONDS)
    team_id, name, enterprise_id, user_id, bot_id = (
        value if isinstance(value := answer.get(field), str) and value else None
        for field in ("team_id", "team", "enterprise_id", "user_id", "bot_id")
    )
    is_org_wide = answer.get("is_enterprise_install") is True
    if user_id is None or not (enterprise_id if is_org_wide else team_id):
        raise SlackUnavailable("auth.test", "its response lacks a user or a workspace")
    scopes = tuple(scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip())
    return TokenOwner(None if is_org_wide else team_id, name, enterprise_id, user_id, bot_id, is_org_wide, scopes)


async def _status(web: WebClients, token: str) -> TokenStatus:
    try:
        await response_data("auth.test", web.client(token).auth_test(), TIMEOUT_SECONDS)
    except SlackRefused as error:
        health = TokenHealth.REVOKED if error.reason in REVOKED_ERRORS else TokenHealth.UNKNOWN
        return TokenStatus(health, error.reason)
    except SlackUnavailable as error:
        return TokenStatus(TokenHealth.UNKNOWN, error.reason)
    return TokenStatus(TokenHealth.VALID, "")


def _with_slack(api_url: str, proxy_for: ProxyFor, call: Callable[[WebClients], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with WebClients(api_url=api_url, proxy_for=proxy_for) as web:
            return await call(web)

    return asyncio.run(run())
