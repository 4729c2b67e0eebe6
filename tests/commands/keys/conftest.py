"""A store with a few installations."""

from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import open_store
from tests.commands.keys.store_files import paths, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with five installations that nobody has open."""
    with closing(open_store(*paths(tmp_path))) as store:
        for number in range(5):
            save(store, f"T{number}")
    return tmp_path
