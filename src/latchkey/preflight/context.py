"""What the checks before a start look at."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from latchkey.config import Settings, refuse_empty_folder, with_defaults
from latchkey.dispatch import App, load_listeners
from latchkey.errors import ConfigError, ListenerLoadError


@dataclass(frozen=True)
class StartContext:
    """The settings, and what they name; the listeners are loaded once, when first needed."""

    settings: Settings
    checkout: Path | None
    """A checkout of Latchkey, in which listener modules are looked for as well."""
    new_store: bool = False
    """Whether the store may be missing beside an existing keyring."""
    has_socket: bool = False
    """Whether systemd has opened the server's socket, so that nothing is bound for it."""
    beside_server: bool = False
    """Whether a running server may use the addresses and the store."""

    @cached_property
    def app(self) -> App | ListenerLoadError | ConfigError:
        """The app with its listeners, or the error that loading them raised."""
        try:
            return load_app(self.settings, self.checkout)
        except (ListenerLoadError, ConfigError) as error:
            return error

    @cached_property
    def settings_with_app(self) -> Settings:
        """The settings, in which those of the mounted app replace defaults."""
        return with_app(self.settings, self.app)


def load_app(settings: Settings, checkout: Path | None) -> App:
    """Return the app with its listeners, and with the Bolt app that `[bolt]` names.

    Raises ConfigError or ListenerLoadError.
    """
    refuse_empty_folder(settings, checkout)
    # A module may print something, which is not part of a command's output.
    with contextlib.redirect_stdout(sys.stderr):
        app = load_listeners(settings.listeners.modules, settings.base, checkout)
        if settings.bolt.is_set:
            from latchkey.bolt import load_bolt_app  # it takes time and memory, and most apps don't need it

            app.mount(load_bolt_app(settings.bolt.app, settings.bolt.modules, _credentials(settings)))
    return app


def with_app(settings: Settings, app: object) -> Settings:
    """Return the settings, in which what a mounted app says about installs replaces defaults."""
    mounted = app.mounted if isinstance(app, App) else None
    if mounted is None:
        return settings
    return with_defaults(settings, mounted.install_settings.values, mounted.name)[0]


_NOT_SET = "not-set"
"""Stands for a credential that is missing: a command may need the app before it exists at Slack. No server starts."""


def _credentials(settings: Settings) -> dict[str, str]:
    """Return the credentials by the names of the environment variables that Bolt apps read."""
    secrets = (settings.client_secret, *settings.signing_secrets[:1])
    found = [settings.slack.client_id, *(secret.reveal() if secret else "" for secret in secrets)]
    names = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET")
    return {name: value or _NOT_SET for name, value in zip_longest(names, found)}
