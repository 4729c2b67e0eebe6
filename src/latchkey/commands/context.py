"""Loads the settings and opens the store for a command, whether or not the server runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latchkey import logs
from latchkey.config import Settings, load_settings
from latchkey.storage import CommandStore, forbid_core_dumps, open_for_command


def command_settings(config_path: Path | None) -> Settings:
    """Return the settings, and prepare this process: it logs warnings and leaves no core dumps. Raises ConfigError."""
    forbid_core_dumps()
    settings = load_settings(config_path, os.environ, {})
    logs.configure("warning", "text", settings.secrets)
    return settings


@contextmanager
def opened_store(settings: Settings) -> Iterator[CommandStore]:
    """Yield the store; raises KeyringError, StoreRefused or StoreUnavailable, also if it does not exist."""
    with closing(open_for_command(settings.store_path, settings.keyring_path)) as store:
        yield store


@contextmanager
def configured_store(config_path: Path | None) -> Iterator[CommandStore]:
    """Load the settings and yield the store."""
    with opened_store(command_settings(config_path)) as store:
        yield store
