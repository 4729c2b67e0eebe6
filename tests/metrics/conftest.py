from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.storage import Store, open_store
from tests.dispatch.doubles import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")
    yield store
    store.close()
