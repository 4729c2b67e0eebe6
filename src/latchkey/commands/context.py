"""Loads the settings and opens the store for a command, whether or not the server runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

from latchkey import logs
from latchkey.commands.terminal import say
from latchkey.config import Settings, find_checkout, load_settings
from latchkey.errors import LatchkeyError, StoreRefused
from latchkey.storage import (
    CommandStore,
    acting_as_owner_of,
    become_owner_of,
    forbid_core_dumps,
    open_for_command,
)

IMPORTED_LATE = ("encodings.idna", "aiohttp", "rich.progress", "rich.cells", "slack_sdk.web.async_client")
"""Modules that are imported on first use. Root imports them before it acts as a user who cannot read Python."""


def command_settings(config_path: Path | None) -> Settings:
    """Return the settings, and prepare this process: it logs warnings and leaves no core dumps. Raises ConfigError."""
    forbid_core_dumps()
    settings = load_settings(config_path, os.environ, {})
    logs.configure("warning", "text", settings.secrets)
    return settings


def settings_with_app(settings: Settings) -> Settings:
    """Return the settings, in which what a mounted app says about installs replaces defaults, as in the server.

    If the app cannot be loaded, the settings are returned as they are, with a warning on stderr.
    """
    if not settings.bolt.app:
        return settings
    from latchkey.preflight import StartContext  # most commands need no listeners

    with acting_as_store_owner(settings):
        context = StartContext(settings, find_checkout())
        if isinstance(context.app, LatchkeyError):
            say(f"warning: the app's own settings are missing here, because it cannot be loaded: {context.app}")
        return context.settings_with_app


@contextmanager
def acting_as_store_owner(settings: Settings) -> Iterator[None]:
    """If root runs the command, act as the user that the folder of the store belongs to, or of its keyring.

    Raises StoreRefused, also for an error of the block about a file.
    """
    if os.geteuid() == 0:
        with acting_as_owner_of(settings.owner_path):
            can_import = os.access(os.__file__, os.R_OK, effective_ids=True)
        for module in () if can_import else IMPORTED_LATE:
            import_module(module)
    try:
        with acting_as_owner_of(settings.owner_path):
            yield
    except OSError as error:
        if error.filename is None:
            raise
        hint = "run the command as root, or as the server's user" if isinstance(error, PermissionError) else ""
        raise StoreRefused(f"{error.filename}: {error.strerror}", hint=hint) from None


@contextmanager
def opened_store(settings: Settings, *, keeps_root: bool = False) -> Iterator[CommandStore]:
    """Yield the store; raises KeyringError, StoreRefused or StoreUnavailable, also if it does not exist.

    A command that root runs stays the store's owner until it ends. With `keeps_root` it can also use files of other
    users, such as a keyring of root's, with `acting_as_owner_of`.
    """
    with acting_as_store_owner(settings):
        if not keeps_root:
            become_owner_of(settings.owner_path)
        with closing(open_for_command(settings.store_location, settings.keyring_path)) as store:
            yield store


@contextmanager
def configured_store(config_path: Path | None, *, keeps_root: bool = False) -> Iterator[CommandStore]:
    """Load the settings and yield the store, as `opened_store` does."""
    with opened_store(command_settings(config_path), keeps_root=keeps_root) as store:
        yield store
