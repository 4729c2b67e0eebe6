"""Errors of a token that has expired."""

from __future__ import annotations

from latchkey.errors.base import LatchkeyError


class TokenUnavailable(LatchkeyError):
    """A token has expired, and has not been refreshed; a later attempt may succeed. `token` names it in words."""

    http_status = 503

    def __init__(self, token: object, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{token} has expired and could not be refreshed ({reason})", hint=hint)
        self.token = str(token)
        self.reason = reason


class MustReinstall(TokenUnavailable):
    """A token has expired, and Slack refuses its refresh token for good."""

    def __init__(self, token: object, reason: str) -> None:
        super().__init__(token, reason, hint="install the app again: open /slack/install")
