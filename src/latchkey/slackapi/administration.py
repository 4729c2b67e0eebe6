"""The operator's calls to Slack: check tokens and credentials, and uninstall the app from a workspace.

Invariant: no result and no error contains a token. The calls block, for
commands, which have no event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from latchkey.errors import SlackRateLimited, SlackRefused, SlackUnavailable
from latchkey.slackapi.client import ProxyFor, WebClients, response_data
from latchkey.slackapi.revoking import REVOKED_ERRORS, uninstall_app

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
MAX_CONCURRENT_CALLS = 10
"""Slack allows hundreds of auth.test calls per minute in each workspace (docs.slack.dev, auth.test)."""
MAX_ATTEMPTS = 3
MAX_WAIT_SECONDS = 30.0
"""Longest wait before another attempt."""
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
    found: dict[int, TokenStatus] = {}

    def note(number: int, status: TokenStatus) -> bool:
        found[number] = status
        return True

    check_each(api_url, enumerate(tokens), note, proxy_for=proxy_for)
    return [found[number] for number in range(len(tokens))]


def check_each(
    api_url: str,
    tokens: Iterable[tuple[T, str]],
    on_status: Callable[[T, TokenStatus], bool],
    *,
    proxy_for: ProxyFor,
) -> None:
    """Check any number of tokens with Slack (method auth.test), MAX_CONCURRENT_CALLS at a time.

    `on_status` is called with the value that came with a token, and with its status. Once it returns False, the check
    ends.
    """
    remaining = iter(tokens)
    goes_on = True

    async def check_all(web: WebClients) -> None:
        async def check_next() -> None:
            nonlocal goes_on
            while goes_on and (following := next(remaining, None)) is not None:
                about, token = following
                goes_on &= on_status(about, await _status(web, token))

        await asyncio.gather(*(check_next() for _ in range(MAX_CONCURRENT_CALLS)))

    with_slack(api_url, proxy_for, check_all)


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

    return with_slack(api_url, proxy_for, ask_all)


def uninstall(api_url: str, token: str, *, client_id: str, client_secret: str, proxy_for: ProxyFor) -> None:
    """Uninstall the app from the workspace that this token belongs to (method apps.uninstall).

    Raises SlackRefused or SlackUnavailable.
    """

    async def call_slack(web: WebClients) -> None:
        await uninstall_app(web, token, client_id=client_id, client_secret=client_secret)

    with_slack(api_url, proxy_for, call_slack)


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

    return with_slack(api_url, proxy_for, call_slack)


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
        await _test_waiting(web, token)
    except SlackRefused as error:
        health = TokenHealth.REVOKED if error.reason in REVOKED_ERRORS else TokenHealth.UNKNOWN
        return TokenStatus(health, error.reason)
    except SlackUnavailable as error:
        return TokenStatus(TokenHealth.UNKNOWN, error.reason)
    return TokenStatus(TokenHealth.VALID, "")


async def _test_waiting(web: WebClients, token: str) -> None:
    """Call auth.test, at most MAX_ATTEMPTS times if Slack limits the rate."""
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            await response_data("auth.test", web.client(token).auth_test(), TIMEOUT_SECONDS)
        except SlackRateLimited as error:
            await asyncio.sleep(min(error.seconds, MAX_WAIT_SECONDS))
        else:
            return
    await response_data("auth.test", web.client(token).auth_test(), TIMEOUT_SECONDS)


def with_slack(api_url: str, proxy_for: ProxyFor, call: Callable[[WebClients], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine that calls Slack, in an event loop of its own, and return its result."""

    async def run() -> T:
        async with WebClients(api_url=api_url, proxy_for=proxy_for) as web:
            return await call(web)

    return asyncio.run(run())
