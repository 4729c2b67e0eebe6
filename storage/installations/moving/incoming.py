"""What a source has of one workspace, reduced to the newest of its history.

Invariant: of two tokens, the one that was obtained last is kept, no matter in which order they are added. An
installation without a user token never displaces an earlier one's token: Slack has not revoked that, and after a
refresh Bolt saves installations of other users without their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.storage.installations.installation_codec import Value, bot_value, installer_value, with_user_token_of
from latchkey.storage.installations.workspace_key import WorkspaceKey

LIFETIME_SECONDS = 43_200
"""How long an access token is valid if token rotation is on (docs.slack.dev, "Token rotation")."""


def obtained_at(value: Value, half: str) -> float:
    """Return when a token was obtained: at the installation, or at its last refresh. Unix seconds.

    `half` is "bot" or "user".
    """
    installed, expires = float(value["installed_at"]), value[f"{half}_token_expires_at"]
    return installed if expires is None else max(installed, float(expires - LIFETIME_SECONDS))


class Installer(NamedTuple):
    """A user's installation, and when its user token was obtained (Unix seconds)."""

    value: Value
    obtained_at: float


@dataclass
class IncomingWorkspace:
    """The newest bot of one workspace, and the newest installation of each of its users."""

    key: WorkspaceKey
    bot: Value | None = None
    installers: dict[str, Installer] = field(default_factory=dict)
    """By user, the one that was added last at the end."""
    _spare_bot: Value | None = None
    """The newest bot among the installations, in case the source has no record of a bot."""

    def add_bot(self, bot: Bot) -> None:
        """Add a version of the bot; of two that were obtained at the same time, the one that is added last is kept."""
        self.bot = _newest(self.bot, bot_value(bot))

    def add(self, installation: Installation) -> None:
        """Add a version of a user's installation."""
        if installation.bot_token is not None:
            self._spare_bot = _newest(self._spare_bot, bot_value(installation.to_bot()))
        value = installer_value(installation, None)
        new = Installer(value, obtained_at(value, "user"))
        known = self.installers.pop(value["user_id"], None)
        self.installers[value["user_id"]] = new if known is None else _merged(known, new)

    def complete(self) -> IncomingWorkspace:
        """Return it with the bot from its installations, if the source has no record of the bot."""
        self.bot = self.bot or self._spare_bot
        return self

    @property
    def size(self) -> int:
        """The number of its records."""
        return len(self.installers) + 2


class Incoming:
    """The workspaces that one part of a source, such as a folder, contains."""

    def __init__(self) -> None:
        self._workspaces: dict[WorkspaceKey, IncomingWorkspace] = {}

    def add_bot(self, bot: Bot) -> None:
        self._of(bot).add_bot(bot)

    def add(self, installation: Installation) -> None:
        self._of(installation).add(installation)

    def workspaces(self) -> Iterator[IncomingWorkspace]:
        for workspace in self._workspaces.values():
            yield workspace.complete()

    def _of(self, model: Bot | Installation) -> IncomingWorkspace:
        key = WorkspaceKey.of(model.enterprise_id, model.team_id, model.is_enterprise_install)
        return self._workspaces.setdefault(key, IncomingWorkspace(key))


def _newest(known: Value | None, new: Value) -> Value:
    return new if known is None or obtained_at(new, "bot") >= obtained_at(known, "bot") else known


def _merged(known: Installer, new: Installer) -> Installer:
    base = new.value if new.value["installed_at"] >= known.value["installed_at"] else known.value
    token = new
    if known.value["user_token"] is not None and (
        new.value["user_token"] is None or known.obtained_at > new.obtained_at
    ):
        token = known
    return Installer(with_user_token_of(token.value, base), token.obtained_at)
