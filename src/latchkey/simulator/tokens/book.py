"""Issues, refreshes, exchanges and revokes the simulated Slack's tokens.

https://docs.slack.dev/authentication/using-token-rotation
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from latchkey.simulator.tokens.token import (
    GRACE_SECONDS,
    MAX_LIVE_TOKENS,
    TOKEN_SECONDS,
    Holder,
    RefreshToken,
    Token,
)
from latchkey.simulator.workspaces import SimulatedWorkspace

Pair: TypeAlias = dict[str, Any]
"""`access_token`, `refresh_token` and `expires_in`, as in Slack's responses."""


class TokenRefused(Exception):
    """Slack refuses the token or its refresh; the message is Slack's error code."""


class TokenBook:
    """Every token of the simulated Slack."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` returns Unix seconds."""
        self._clock = clock
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.grace_seconds = GRACE_SECONDS
        self._places: dict[str, list[Token]] = {}
        """The access tokens of each workspace and org, oldest first."""
        self._pairs: dict[Holder, list[Token]] = {}
        """The latest access tokens of each holder that expire, oldest first."""
        self._exchanged: dict[Holder, Token] = {}
        """The long-lived tokens that end with the first refresh."""

    def issue(self, prefix: str, token: Token) -> str:
        """Return a new random token in the form of Slack's."""
        value = f"{prefix}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(16)}"
        self.add(value, token)
        return value

    def add(self, value: str, token: Token) -> None:
        """Accept this value as a token from now on."""
        self.tokens[value] = token
        self._places.setdefault(token.place, []).append(token)

    def installed(self, workspace: SimulatedWorkspace) -> list[Token]:
        """Return the access tokens of the app in this workspace, its own and the org-wide ones, oldest first.

        Those that have expired are among them, but none of an installation that has ended.
        """
        found = [*self._places.get(workspace.team_id, ()), *self._places.get(workspace.enterprise_id or "", ())]
        return [token for token in found if token.keeps_app_installed()]

    def granted(self, owner: Token) -> list[str]:
        """Return the scopes that this holder has granted the app so far."""
        found = [token for token in self._places.get(owner.place, ()) if token.holder == owner.holder]
        scopes = [token.scopes.split(",") for token in found if token.keeps_app_installed()]
        return list(dict.fromkeys(scope for part in scopes for scope in part))

    def issue_pair(self, owner: Token) -> Pair:
        """Return a new access token, which expires in twelve hours, and its refresh token.

        A holder has at most two live access tokens: "If more than 2 tokens exist after the refresh, the
        oldest additional token will be revoked."
        """
        now = self._clock()
        access = replace(owner, expires_at=now + TOKEN_SECONDS, revoked=False, exchanged=False)
        value = self.issue(f"xoxe.{'xoxb' if owner.is_bot else 'xoxp'}-1", access)
        refresh = f"xoxe-1-{secrets.token_hex(24)}"
        self.refresh_tokens[refresh] = RefreshToken(access)
        live = [token for token in self._pairs.get(access.holder, ()) if token.is_live(now)] + [access]
        for oldest in live[:-MAX_LIVE_TOKENS]:
            oldest.revoked = True
        self._pairs[access.holder] = live[-MAX_LIVE_TOKENS:]
        return {"access_token": value, "refresh_token": refresh, "expires_in": TOKEN_SECONDS}

    def count_sent(self, value: object) -> None:
        """Count a call that contains this refresh token, whether or not it is carried out."""
        if isinstance(value, str) and value in self.refresh_tokens:
            self.refresh_tokens[value].sent += 1

    def refresh(self, value: str, app_id: str) -> tuple[Token, Pair]:
        """Exchange a refresh token for a new pair; returns the owner and the pair.

        "Refresh tokens are designed to be used once. After calling oauth.v2.access, the refresh token you
        used is revoked after a short grace period." The access token in use stays valid.

        Slack does not document what a second use within the grace period returns. Here it returns another
        new pair, the refresh token of the earlier answer becomes invalid, and the period ends early if that
        one has been used: an app that has two answers must keep the later one.

        Raises TokenRefused ("invalid_refresh_token").
        """
        found = self.refresh_tokens.get(value)
        if found is None or found.access.app_id != app_id or not self.is_refreshable(value):
            raise TokenRefused("invalid_refresh_token")
        if found.first_used_at is None:
            found.first_used_at = self._clock()
        if found.successor is not None:
            self.refresh_tokens[found.successor].revoked = True
        # "After you refresh your short-lived credentials for the first time, we'll expire your original
        # long-lived access token."
        if original := self._exchanged.pop(found.access.holder, None):
            original.revoked = True
        pair = self.issue_pair(found.access)
        found.accepted += 1
        found.successor = pair["refresh_token"]
        return found.access, pair

    def exchange(self, value: str, app_id: str) -> tuple[Token, Pair]:
        """Exchange a long-lived token for a pair, once; returns the owner and the pair.

        The long-lived token stays valid until the pair is refreshed for the first time.
        https://docs.slack.dev/reference/methods/oauth.v2.exchange

        Raises TokenRefused.
        """
        token = self.tokens.get(value)
        if token is None or token.app_id != app_id or token.expires_at is not None:
            raise TokenRefused("invalid_token")
        if token.exchanged:
            raise TokenRefused("token_already_exchanged")
        if not token.is_live(self._clock()):
            raise TokenRefused("authorization_not_found")
        pair = self.issue_pair(token)
        token.exchanged = True
        self._exchanged[token.holder] = token
        return token, pair

    def authenticate(self, value: str) -> Token:
        """Return an access token's owner and scopes. Raises TokenRefused if it is not valid.

        After the end of an authorization, a bot's token is "account_inactive" and a user's "token_revoked".
        https://docs.slack.dev/reference/methods/auth.test
        """
        if not value:
            raise TokenRefused("not_authed")
        token = self.tokens.get(value)
        if token is None:
            raise TokenRefused("not_allowed_token_type" if value in self.refresh_tokens else "invalid_auth")
        if token.ended:
            raise TokenRefused("account_inactive" if token.is_bot else "token_revoked")
        if token.revoked:
            raise TokenRefused("token_revoked")
        if not token.is_live(self._clock()):
            raise TokenRefused("token_expired")
        return token

    def revoke(self, value: str) -> None:
        """Revoke one token, as auth.revoke does.

        "For apps with token rotation, auth.revoke will revoke a single token (a refresh token, a bot access
        token that expires, or a user access token that expires) without changing the underlying
        installation." For a long-lived token it revokes the authorization with all its tokens, also the
        pair that the token was exchanged for.
        """
        if value in self.refresh_tokens:
            self.refresh_tokens[value].revoked = True
            return
        token = self.tokens[value]
        token.revoked = True
        if token.expires_at is None:
            self.revoke_holder(token)

    def revoke_holder(self, owner: Token) -> None:
        """End an authorization: revoke every access token and refresh token of this token's holder."""
        for token in self._places.get(owner.place, ()):
            if token.holder == owner.holder:
                token.ended = token.revoked = True

    def remove_app(self, workspace: SimulatedWorkspace, *, org_wide: bool, app_id: str) -> None:
        """Revoke every token of one installation, the workspace's own or the org-wide one."""
        place = workspace.enterprise_id if org_wide else workspace.team_id
        for token in self._places.get(place or "", ()):
            if token.app_id == app_id:
                token.ended = token.revoked = True

    def is_refreshable(self, value: str) -> bool:
        """Return whether Slack would accept this refresh token now."""
        refresh = self.refresh_tokens.get(value)
        if refresh is None or refresh.revoked or refresh.access.ended:
            return False
        if refresh.first_used_at is None:
            return True
        answered = self.refresh_tokens[refresh.successor] if refresh.successor else None
        was_received = answered is not None and answered.first_used_at is not None
        return not was_received and self._clock() < refresh.first_used_at + self.grace_seconds
