"""A pytest plugin that runs slack_sdk's tests of its stores against the product's, and writes each outcome as JSON.

Every store that a test makes opens a new file; engines and buckets are dummies, which the product's store doesn't use.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from outcomes import write_outcome

from latchkey.storage import Store, open_store

STATE_SECONDS = 600
"""How long the product's states are valid."""
STORES = ("SQLite3", "File", "AmazonS3", "SQLAlchemy", "AsyncSQLAlchemy")
open_stores: list[tuple[Store, tempfile.TemporaryDirectory]] = []
by_place: dict[str, Store] = {}


class Prepared:
    """A store with what the tests call to create an engine's tables, which does nothing here."""

    metadata = MagicMock()

    def __init__(self, store: Any) -> None:
        self._store = store

    def init(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def pytest_configure() -> None:
    for name in ("boto3", "botocore", "botocore.client", "moto"):
        sys.modules.setdefault(name, MagicMock())


def pytest_collection_finish(session: pytest.Session) -> None:
    for module in {item.module for item in session.items}:
        for name in vars(module).copy():
            for store in STORES:
                if name == f"{store}InstallationStore":
                    setattr(module, name, lambda *arguments, **options: Prepared(opened(options).installations))
                if name == f"{store}OAuthStateStore":
                    setattr(module, name, lambda *arguments, **options: Prepared(opened(options).states))
        if hasattr(module, "create_async_engine"):
            module.create_async_engine = lambda *arguments, **options: _async_engine()


def _async_engine() -> Any:
    engine = MagicMock(dispose=AsyncMock())
    engine.begin.return_value.__aenter__.return_value.run_sync = AsyncMock()
    return engine


def _clock(expiration_seconds: int | None) -> Callable[[], float]:
    """Return a clock on which a state of the product's lifetime is valid for `expiration_seconds` of real time."""
    start, speed = time.time(), STATE_SECONDS / expiration_seconds if expiration_seconds else 1
    return lambda: start + (time.time() - start) * speed


def opened(options: dict[str, Any]) -> Store:
    """Return the store for these arguments; those of one test that name the same file share it."""
    place = str(options.get("database") or options.get("base_dir") or "")
    if place not in by_place:
        folder = tempfile.TemporaryDirectory()
        store = open_store(
            Path(folder.name) / "data" / "store.sqlite",
            Path(folder.name) / "keys" / "keyring",
            clock=_clock(options.get("expiration_seconds")),
        )
        open_stores.append((store, folder))
        by_place[place] = store
    return by_place[place]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    for store, folder in open_stores:
        store.close()
        folder.cleanup()
    open_stores.clear()
    by_place.clear()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    write_outcome(item, call)
