"""The database file: identifying it, and keeping SQLite's locks on it."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import make_backup, open_for_command, open_store
from latchkey.storage.engine.sqlite.database_file import check_is_store, is_foreign
from tests.support.stores import ROOT, Paths

LEAVE_WAL_MODE = """
import sys
from pathlib import Path
from latchkey.errors import StoreRefused
from latchkey.storage.engine.sqlite.database_file import leave_wal_mode
try:
    leave_wal_mode(Path(sys.argv[1]))
except StoreRefused as error:
    print(error)
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    open_store(*paths).close()
    return paths


def open_again(paths: Paths) -> None:
    open_for_command(*paths).close()


@pytest.mark.parametrize(
    "use",
    [
        lambda paths: check_is_store(paths[0]),
        lambda paths: is_foreign(paths[0]),
        lambda paths: make_backup(*paths, paths[0].parent.parent / "backups"),
        open_again,
    ],
    ids=["check", "identify", "back up", "open again"],
)
def test_an_open_store_stays_locked_for_other_processes(paths: Paths, use: Callable[[Paths], object]) -> None:
    """A process that closes a file loses all its POSIX locks on it, and SQLite would go on without them."""
    with closing(open_store(*paths)) as store:
        store.states.issue()
        use(paths)
        command = [sys.executable, "-c", LEAVE_WAL_MODE, str(paths[0])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        assert b"is open in another process" in done.stdout
        store.states.issue()
