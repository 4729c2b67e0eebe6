"""Uninstalls the app from a workspace at Slack, for `latchkey installs remove`."""

from __future__ import annotations

from latchkey.config import Settings, SlackCredentials
from latchkey.errors import ConfigError, LatchkeyError, SlackRefused, SlackUnavailable
from latchkey.slackapi.administration import uninstall
from latchkey.slackapi.revoking import REVOKED_ERRORS
from latchkey.storage import InstalledWorkspace


def name_of(workspace: InstalledWorkspace) -> str:
    """Return the workspace's or the org's id, and its name if it is known."""
    ids = workspace.team_id or f"the org {workspace.enterprise_id}"
    return f"{ids} ({workspace.name})" if workspace.name else ids


def uninstall_credentials(settings: Settings) -> SlackCredentials:
    """Return what apps.uninstall needs; raises ConfigError."""
    try:
        return settings.require_slack(signing=False)
    except ConfigError as error:
        raise ConfigError(error.faults, hint="set them, or add --local to delete only the local records") from None


def uninstall_at_slack(settings: Settings, credentials: SlackCredentials, workspace: InstalledWorkspace) -> None:
    """Call apps.uninstall with one of the workspace's tokens; raises LatchkeyError."""
    tokens = [workspace.bot.bot_token] if workspace.bot else []
    tokens += [installer.user_token for installer in workspace.installers if installer.user_token]
    if not tokens:
        raise LatchkeyError(
            f"{name_of(workspace)} has no token that can be decrypted, so Slack cannot be called; nothing was deleted",
            hint="remove the app at Slack, and here with --local",
        )
    try:
        uninstall(
            settings.slack.api_url,
            tokens[0],
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.reveal(),
            proxy_for=settings.proxies.arguments,
        )
    except SlackRefused as error:
        revoked = "the app may be removed at Slack already; if so, add --local"
        hint = (
            revoked if error.reason in REVOKED_ERRORS else "see Slack's documentation of apps.uninstall for the reason"
        )
        raise LatchkeyError(f"{error}; nothing was deleted here", hint=hint) from None
    except SlackUnavailable as error:
        raise LatchkeyError(
            f"{error}; nothing was deleted here",
            hint="try again later; if Slack then says that the token is revoked, add --local",
        ) from None
