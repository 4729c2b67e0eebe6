"""The store that the commands are run on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        yield store
