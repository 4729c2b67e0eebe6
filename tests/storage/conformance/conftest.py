"""A store in each engine: what holds for one must hold for the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from latchkey.storage import Store, StoreLocation, open_store
from tests.support.clocks import Clock
from tests.support.database.postgresql import DatabaseLocation, Postgresql

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.programs("postgres"))]

Paths: TypeAlias = tuple[StoreLocation, Path]


@pytest.fixture(params=ENGINES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreLocation]:
    """Where a store can be created."""
    if request.param == "sqlite":
        yield tmp_path / "data" / "store.sqlite"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    database = server.new_database()
    yield DatabaseLocation(server.url(database))
    server.give_back(database)


@pytest.fixture
def paths(location: StoreLocation, tmp_path: Path) -> Paths:
    return location, tmp_path / "keys" / "keyring"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(paths: Paths, clock: Clock) -> Iterator[Store]:
    store = open_store(*paths, clock=clock)
    yield store
    store.close()
