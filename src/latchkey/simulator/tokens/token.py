"""The access tokens and refresh tokens that the simulated Slack has issued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from latchkey.simulator.workspaces import APP_ID, SimulatedWorkspace

TOKEN_SECONDS = 43_200
"""Access tokens of an app with token rotation live twelve hours."""
MAX_LIVE_TOKENS = 2
"""Maximum live access tokens of one holder in an app with token rotation."""
GRACE_SECONDS = 60.0
"""How long a used refresh token is still accepted; Slack calls it "a short grace period" and gives no number."""

Holder: TypeAlias = tuple[str, str, str, bool]
"""The app, the workspace or org, the user, and whether the token is a bot's."""


@dataclass
class Token:
    """The owner and the scopes of an access token."""

    workspace: SimulatedWorkspace
    user_id: str
    is_bot: bool
    org_wide: bool
    scopes: str
    revoked: bool = False
    expires_at: float | None = None
    """Unix seconds; None: never."""
    ended: bool = False
    """Whether the authorization that it belongs to has ended, for example because the app was removed."""
    app_id: str = APP_ID
    exchanged: bool = False
    """Whether this long-lived token has been exchanged for a pair."""

    for_function: bool = False
    """Whether it is valid only for one run of a function."""

    @property
    def place(self) -> str:
        """The id of the workspace, or of the org if the app is installed org-wide."""
        return (self.workspace.enterprise_id if self.org_wide else self.workspace.team_id) or ""

    @property
    def holder(self) -> Holder:
        return self.app_id, self.place, self.user_id, self.is_bot

    def is_live(self, now: float) -> bool:
        """Return whether Slack accepts it at this time."""
        return not (self.revoked or self.ended) and (self.expires_at is None or now < self.expires_at)

    def keeps_app_installed(self) -> bool:
        """Return whether its installation still exists.

        Revoking or expiring a token of a pair does not end the installation.
        """
        return not (self.ended or self.for_function) and (self.expires_at is not None or not self.revoked)


@dataclass
class RefreshToken:
    """A refresh token, and how often it was sent."""

    access: Token
    """The access token that was issued with it."""
    sent: int = 0
    """How many calls of oauth.v2.access contained it."""
    accepted: int = 0
    """How many of them were answered with a new pair, even if the answer was lost."""
    first_used_at: float | None = None
    successor: str | None = None
    """The refresh token of the latest pair that it was exchanged for."""
    revoked: bool = False
