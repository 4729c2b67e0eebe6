"""The store, opened for a command beside a running server or without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import config
import logs
from storage import Store, forbid_core_dumps, open_store


@contextmanager
def configured_store(file: Path | None) -> Iterator[Store]:
    """Lend the store of this configuration; one that does not exist is not made.

    Raises ConfigError, KeyringError, StoreRefused or StoreUnavailable.
    """
    forbid_core_dumps()
    settings = config.load(file, os.environ, {})
    logs.configure("warning", "text", settings.secrets)
    with closing(open_store(settings.store_path, settings.keyring_path, create=False)) as store:
        yield store
