"""A backup, and a store that has changed since."""

from pathlib import Path

import pytest

from latchkey.storage import Backup, make_backup
from tests.support.stores import (
    Paths,
    fill,
)


@pytest.fixture
def backup(paths: Paths, tmp_path: Path) -> Backup:
    """A backup of T1 and T2, and a store that has T3 since."""
    fill(paths, "T1", "T2")
    made = make_backup(*paths, tmp_path / "backups")
    fill(paths, "T3")
    return made
