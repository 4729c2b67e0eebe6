"""A store, and a folder for a source."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import (
    Store,
    open_store,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        yield store


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path
