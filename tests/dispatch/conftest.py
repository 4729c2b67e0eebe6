from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.storage import Store, open_store
from tests.dispatch.doubles import Bench


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "store.sqlite", tmp_path / "keyring")
    yield store
    store.close()


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)
