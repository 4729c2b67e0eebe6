"""Each test file gets one machine for all its tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.base import Base, prepare_base
from tests.machine.installed import bare_machine
from tests.machine.machine import Machine


@pytest.fixture(scope="session")
def base() -> Base:
    return prepare_base()


@pytest.fixture(scope="module")
def machine(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted Debian with Python, and this project's folder in root's home; Latchkey is not installed."""
    folder: Path = tmp_path_factory.mktemp("machine")
    machine = bare_machine(folder / "vm", base)
    yield machine
    machine.stop()
