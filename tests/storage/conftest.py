"""A real store in a folder of its own, and a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.storage import Store, open_store
from tests.support.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"


@pytest.fixture
def store(paths: tuple[Path, Path], clock: Clock) -> Iterator[Store]:
    store = open_store(*paths, clock=clock)
    yield store
    store.close()
