"""The tokens with which an app may act on one payload.

Invariant: `user` is the token of the person who acts, never anybody else's.
"""

from __future__ import annotations

from typing import NamedTuple

from slack_sdk.oauth.installation_store import Bot

from latchkey.slackapi.requests import WorkspaceId
from latchkey.storage import UserToken


class Access(NamedTuple):
    """The tokens of one installation, of a workspace or of its org. If there is none, the app is not installed."""

    workspace: WorkspaceId
    """The workspace, with the flag of the installation that was found: its own, or its org's."""
    bot: Bot | None = None
    user: UserToken | None = None
    """The acting person's own. It is looked up only for listeners that name it, or if there is no other token."""
    installer: UserToken | None = None
    """The latest installer's; looked up only without a bot, and with `[slack] act_as = "installer"`."""

    @property
    def token(self) -> str | None:
        """The token that `client` uses, or None if there is none."""
        if self.bot is not None:
            return self.bot.bot_token
        found = self.installer or self.user
        return found.token if found is not None else None

    @property
    def user_token(self) -> str | None:
        """The acting person's own token, or None if they have not authorized the app."""
        return self.user.token if self.user is not None else None

    @property
    def is_installed(self) -> bool:
        return self.bot is not None or self.user is not None or self.installer is not None
