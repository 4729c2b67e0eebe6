"""A database for each test."""

from collections.abc import Iterator

import pytest

from tests.support.database.postgresql import DatabaseLocation, Postgresql


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these tests need PostgreSQL."""
    for item in items:
        if "/postgresql/" in str(item.path):
            item.add_marker(pytest.mark.programs("postgres"))


@pytest.fixture
def database(postgresql: Postgresql) -> Iterator[str]:
    name = postgresql.new_database()
    yield name
    postgresql.give_back(name)


@pytest.fixture
def location(postgresql: Postgresql, database: str) -> DatabaseLocation:
    return DatabaseLocation(postgresql.url(database))
