"""Undoes one refused installation at Slack, without harming another.

Invariant: the app is uninstalled only if the store has no installation that this would end. A step that was
interrupted can be repeated: a token that Slack no longer knows counts as revoked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from latchkey.errors import SlackRefused
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.revoking import REVOKED_ERRORS
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Undo, Undos

TEMPORARY_ERRORS = frozenset(
    {
        "bad_client_secret",
        "fatal_error",
        "internal_error",
        "invalid_client_id",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "unexpected_response",
    }
)
"""Slack's errors after which the same call may succeed later; the credentials may be corrected meanwhile."""
EXPIRED = "token_expired"
GONE_ERRORS = REVOKED_ERRORS - {EXPIRED}
"""Slack's errors after which the app is no longer installed with this token. An expired one says nothing about that."""


class UndoOutcome(StrEnum):
    """What an undo came to."""

    UNINSTALLED = "uninstalled"
    """The app is no longer in the workspace."""
    USER_TOKEN_REVOKED = "user_token_revoked"  # noqa: S105  # no password
    """The workspace has an installation that stays; only the new user token was revoked, and with token rotation the
    new bot token."""
    NEEDS_ADMIN = "needs_admin"
    """Slack refused to uninstall the app. Its tokens are revoked, and an admin must remove it."""
    GIVEN_UP = "given_up"
    """Slack did not answer for a week. The tokens are forgotten, and an admin must remove the app."""


class Undoing:
    """The steps at Slack."""

    def __init__(self, oauth: OAuthClient, calls: TokenCalls, undos: Undos) -> None:
        self._oauth = oauth
        self._calls = calls
        self._undos = undos

    async def run(self, undo: Undo) -> UndoOutcome:
        """Undo it, and return what that came to; hold the gate meanwhile.

        Raises SlackUnavailable, SlackRefused or StoreError if it must be tried again.
        """
        if undo.needs_admin:
            return await self._revoke(undo, undo.tokens, UndoOutcome.NEEDS_ADMIN)
        if await self._undos.async_is_installed(undo):
            return await self._revoke(undo, _additional(undo), UndoOutcome.USER_TOKEN_REVOKED)
        reason = await self._uninstall(undo)
        if not reason:
            return UndoOutcome.UNINSTALLED
        if reason in GONE_ERRORS:
            return await self._revoke(undo, undo.tokens[1:], UndoOutcome.UNINSTALLED)
        # Stored before the first token is revoked: afterwards, Slack would no longer say that it refuses.
        await self._undos.async_put(replace(undo, needs_admin=True))
        undo.needs_admin = True
        return await self._revoke(undo, undo.tokens, UndoOutcome.NEEDS_ADMIN)

    async def _uninstall(self, undo: Undo) -> str:
        """Uninstall the app, and return Slack's error code if it refuses for good, or ""."""
        reason = await self._refusal_of(self._oauth.uninstall, undo.tokens[0])
        if reason == EXPIRED and await self._refresh(undo):
            reason = await self._refusal_of(self._oauth.uninstall, undo.tokens[0])
        return reason

    async def _refresh(self, undo: Undo) -> bool:
        """Replace an expired token, for example after the server was down for a day; False if Slack refuses that."""
        refresh_token = undo.bot_refresh_token if undo.bot_token else undo.user_refresh_token
        if refresh_token is None:
            return False
        try:
            issued = await self._calls.refresh(refresh_token)
        except SlackRefused as error:
            if error.reason in TEMPORARY_ERRORS:
                raise
            return False
        if undo.bot_token:
            undo.bot_token, undo.bot_refresh_token = issued.access_token, issued.refresh_token
        else:
            undo.user_token, undo.user_refresh_token = issued.access_token, issued.refresh_token
        await self._undos.async_put(undo)
        return True

    async def _revoke(self, undo: Undo, tokens: Sequence[str], outcome: UndoOutcome) -> UndoOutcome:
        """Revoke those of the tokens that no installation uses.

        Each by its own call: with token rotation, auth.revoke ends only the token of the call.
        """
        unused = await self._undos.async_unused(undo)
        for token in tokens:
            if token in unused:
                await self._refusal_of(self._oauth.revoke, token)
        return outcome

    async def _refusal_of(self, call: Callable[[str], Awaitable[None]], token: str) -> str:
        """Call Slack, and return its error code if it refuses for good, or ""."""
        try:
            await call(token)
        except SlackRefused as error:
            if error.reason in TEMPORARY_ERRORS:
                raise
            return error.reason
        return ""


def _additional(undo: Undo) -> list[str]:
    """Return the tokens without which the workspace's other installation works.

    Without token rotation, the bot's token is that of the other installation. With it, the bot has one more token
    now, and must lose it: Slack ends the oldest if there are more than two, which is the other installation's.
    """
    if undo.bot_refresh_token:
        return undo.tokens
    return [token for token in (undo.user_token, undo.user_refresh_token) if token]
