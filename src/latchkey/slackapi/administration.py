"""What an administrator asks of Slack: whether tokens are good still, and to take the app out of a workspace.

Rule: these calls block, for commands that have no event loop. A token is handed
in and stands in no result and no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from latchkey.errors import SlackRefused, SlackUnavailable
from latchkey.slackapi.client import WebClients, answer_of, open_session

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
AT_ONCE = 5
"""Calls under way at a time. Slack lets an app call auth.test hundreds of times a minute."""
GONE = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Slack's errors that a token does not recover from (docs.slack.dev, auth.test, "Errors")."""

UNKNOWN_CREDENTIALS = frozenset({"bad_client_secret", "invalid_client_id"})
"""Slack's errors for credentials that it does not know (docs.slack.dev, oauth.v2.access, "Errors")."""


class Health(StrEnum):
    """What Slack says of a token."""

    GOOD = "good"
    GONE = "gone"
    """It works no more: the app has to be installed again."""
    UNKNOWN = "unknown"
    """Slack did not say."""


class Finding(NamedTuple):
    """What `auth.test` has told of one token."""

    health: Health
    reason: str
    """Slack's error code, or why there was no answer; empty for a good token."""


def check_tokens(api_url: str, tokens: Sequence[str]) -> list[Finding]:
    """Ask Slack about each token (method auth.test); the findings are in the tokens' order."""

    async def ask(web: WebClients) -> list[Finding]:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(token: str) -> Finding:
            async with turns:
                return await _finding(web, token)

        return list(await asyncio.gather(*map(one, tokens)))

    return _with_slack(api_url, ask)


def uninstall(api_url: str, token: str, *, client_id: str, client_secret: str) -> None:
    """Take the app out of the workspace whose token this is (method apps.uninstall).

    Raises SlackRefused or SlackUnavailable.
    """

    async def ask(web: WebClients) -> None:
        # slack_sdk's own apps_uninstall puts the secret into the URL, which proxies log.
        credentials = {"client_id": client_id, "client_secret": client_secret}
        call = web.client(token).api_call("apps.uninstall", data=credentials)
        await answer_of("apps.uninstall", call, TIMEOUT_SECONDS)

    _with_slack(api_url, ask)


def check_credentials(api_url: str, client_id: str, client_secret: str) -> str:
    """Ask Slack whether it knows these credentials; returns its error code where not, and "" otherwise.

    A code that nobody has issued is offered for exchange: Slack looks at the credentials first.
    """

    async def ask(web: WebClients) -> str:
        call = web.client().oauth_v2_access(client_id=client_id, client_secret=client_secret, code="0")
        try:
            await answer_of("oauth.v2.access", call, TIMEOUT_SECONDS)
        except SlackRefused as error:
            return error.reason if error.reason in UNKNOWN_CREDENTIALS else ""
        except SlackUnavailable:
            pass  # told by whoever asks whether Slack can be reached
        return ""

    return _with_slack(api_url, ask)


async def _finding(web: WebClients, token: str) -> Finding:
    try:
        await answer_of("auth.test", web.client(token).auth_test(), TIMEOUT_SECONDS)
    except SlackRefused as error:
        return Finding(Health.GONE if error.reason in GONE else Health.UNKNOWN, error.reason)
    except SlackUnavailable as error:
        return Finding(Health.UNKNOWN, error.reason)
    return Finding(Health.GOOD, "")


def _with_slack(api_url: str, ask: Callable[[WebClients], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with open_session() as session:
            return await ask(WebClients(api_url=api_url, session=session))

    return asyncio.run(run())
