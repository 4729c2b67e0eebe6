"""Each test file gets one machine for all its tests."""

from collections.abc import Iterator

import pytest

from tests.machine.base import Base, prepare_base
from tests.machine.installed import bare_machine
from tests.machine.machine import Machine
from tests.support.stores import new_public_folder


@pytest.fixture(scope="session")
def base() -> Base:
    return prepare_base()


@pytest.fixture(scope="module")
def machine(base: Base) -> Iterator[Machine]:
    """A booted Debian with Python, and this project's folder in root's home; Latchkey is not installed."""
    # Outside of pytest's own folders, which the machine's users cannot enter.
    with new_public_folder() as folder:
        machine = bare_machine(folder / "vm", base)
        yield machine
        machine.stop()
