"""The store, opened for a command beside a running server or without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latchkey import logs
from latchkey.config import Settings, load_settings
from latchkey.storage import Store, forbid_core_dumps, open_store


def command_settings(config_path: Path | None) -> Settings:
    """Return the configuration for a command, which logs warnings and leaves no core dump; raises ConfigError."""
    forbid_core_dumps()
    settings = load_settings(config_path, os.environ, {})
    logs.configure("warning", "text", settings.secrets)
    return settings


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """Lend the store of this configuration; one that does not exist is not made.

    Raises KeyringError, StoreRefused or StoreUnavailable.
    """
    with closing(open_store(settings.store_path, settings.keyring_path, create=False)) as store:
        yield store


@contextmanager
def configured_store(config_path: Path | None) -> Iterator[Store]:
    """Do both at once."""
    with opened_store(command_settings(config_path)) as store:
        yield store
