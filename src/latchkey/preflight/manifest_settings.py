"""The settings that go into the app's manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latchkey.config import Settings

if TYPE_CHECKING:
    from latchkey.slackapi.manifest import AppSettings


def app_settings(settings: Settings, public_url: str = "") -> AppSettings:
    """Return what the manifest contains of the settings.

    `public_url` is used instead of [server] public_url. Raises ConfigError if neither is set.
    """
    from latchkey.slackapi.manifest import AppSettings  # the server does not need it

    return AppSettings(
        name=settings.app.name,
        description=settings.app.description,
        public_url=public_url or settings.public_url,
        scopes=settings.slack.scopes,
        user_scopes=settings.slack.user_scopes,
        optional_scopes=settings.slack.optional_scopes,
        optional_user_scopes=settings.slack.optional_user_scopes,
        callback_path=settings.install.callback_path,
        org_deployment=settings.manifest.org_deployment,
        token_rotation=settings.slack.token_rotation,
    )
