"""A folder in memory for recordings and for what is left after a power cut."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory, where a sync costs nothing: the disk is simulated."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="latchkey-test-", dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)
