"""What the checks before a start look at."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from latchkey.config import Settings, refuse_empty_folder
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


def _credentials(settings: Settings) -> dict[str, str]:
    """Return the credentials by the names of the environment variables that Bolt apps read."""
    found = {
        "SLACK_CLIENT_ID": settings.slack.client_id,
        "SLACK_CLIENT_SECRET": settings.client_secret.reveal() if settings.client_secret else "",
        "SLACK_SIGNING_SECRET": settings.signing_secrets[0].reveal() if settings.signing_secrets else "",
    }
    return {name: value for name, value in found.items() if value}
