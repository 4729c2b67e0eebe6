"""The store, opened for a command beside a running server or without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from latchkey import config, logs
from latchkey.storage import Store, forbid_core_dumps, open_store


def configured(file: Path | None) -> config.Config:
    """Return the configuration for a command, which logs warnings and leaves no core dump; raises ConfigError."""
    forbid_core_dumps()
    settings = config.load(file, os.environ, {})
    logs.configure("warning", "text", settings.secrets)
    return settings


@contextmanager
def opened_store(settings: config.Config) -> Iterator[Store]:
    """Lend the store of this configuration; one that does not exist is not made.

    Raises KeyringError, StoreRefused or StoreUnavailable.
    """
    with closing(open_store(settings.store_path, settings.keyring_path, create=False)) as store:
        yield store


@contextmanager
def configured_store(file: Path | None) -> Iterator[Store]:
    """Do both at once."""
    with opened_store(configured(file)) as store:
        yield store
