"""A restore that crashes at any step leaves the old store, the new one, or an error that says what to do."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused
from latchkey.storage import list_backups, make_backup, open_store
from tests.support.stores import ROOT, Paths, beside, damage, files, fill, fill_and_crash, replaced, teams, which_opens

OLD, NEW = {"T1", "T2", "T3", "T4"}, {"T1", "T2"}

# Python calls an audit hook for every file that is opened, renamed, linked or removed, so the process can
# be killed at each of them in turn. It is forked for each, since a hook cannot be taken away again.
DRIVER = """
import os, signal, sys
from pathlib import Path
from latchkey.storage import read_keyring
from latchkey.storage import list_backups
from latchkey.storage import check_backup, restore, restoring

def run(folder, step):
    left = step
    def hook(event, arguments):
        nonlocal left
        if event.startswith(("os.", "sqlite3.", "fcntl.")) or event == "open":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
    store, keyring = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
    [backup] = list_backups(folder / "backups")
    keys = read_keyring(keyring)
    check_backup(backup, keys, keyring)
    sys.addaudithook(hook)
    with restoring(store):
        restore(store, backup, keys, now=1795000000.0)

for line in sys.stdin:
    step, folder = line.strip().split(" ", 1)
    child = os.fork()
    if not child:
        try:
            run(Path(folder), int(step))
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Runs:
    """Runs restores in child processes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def killed_at(self, step: int, folder: Path) -> bool:
        """Run a restore that crashes at this step; False if it completed before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{step} {folder}\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, -9)
        return code == -9


@pytest.fixture
def runs() -> Iterator[Runs]:
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield Runs(process)
        process.stdin.close()  # type: ignore[union-attr]


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    """A folder with a backup of T1 and T2, and a store with T3, and T4 only in its -wal."""
    folder = tmp_path / "pattern"
    paths = paths_in(folder)
    fill(paths, *NEW)
    make_backup(*paths, folder / "backups")
    fill(paths, "T3")
    fill_and_crash(paths, "T4")
    return folder


def paths_in(folder: Path) -> Paths:
    return folder / "data" / "store.sqlite", folder / "keys" / "keyring"


@contextmanager
def copied(pattern: Path) -> Iterator[Path]:
    folder = pattern.with_name("copy")
    shutil.copytree(pattern, folder)
    yield folder
    shutil.rmtree(folder)


def test_a_crash_at_any_step_leaves_the_old_or_the_new_store_and_the_next_run_succeeds(
    pattern: Path, runs: Runs
) -> None:
    left: Counter[str] = Counter()
    for step in range(1, 1000):
        with copied(pattern) as folder:
            paths = paths_in(folder)
            killed = runs.killed_at(step, folder)
            opened = which_opens(paths, OLD, NEW)
            left[opened] += 1
            if opened == "old":
                assert [path for path in files(paths[0].parent) if path != "store.sqlite"] == []
            assert not runs.killed_at(0, folder)
            assert teams(paths) == NEW
            kept = replaced(paths[0])
            assert OLD in [teams((path, paths[1])) for path in kept], "the previous store is lost"
            assert not beside(paths[0], ".restoring").exists()
        if not killed:
            break
    assert not killed
    assert left["old"] > 10
    assert left["new"] > 1
    assert not left["none"], "a store that is well is never away"
    print(f"killed at each of {step - 1} steps: {dict(left)}, mixed 0")


def test_a_crash_at_any_step_keeps_a_damaged_store_unchanged(pattern: Path, runs: Runs) -> None:
    content, wal = damage(paths_in(pattern)[0])
    left: Counter[str] = Counter()
    for step in range(1, 1000):
        with copied(pattern) as folder:
            paths = paths_in(folder)
            killed = runs.killed_at(step, folder)
            if paths[0].exists() and paths[0].read_bytes() == content:
                left["old"] += 1
                assert beside(paths[0], "-wal").read_bytes() == wal
            else:
                left[which_opens(paths, OLD, NEW)] += 1
            assert not runs.killed_at(0, folder)
            assert teams(paths) == NEW
            [kept] = [path for path in replaced(paths[0]) if path.read_bytes() == content]
            assert beside(kept, "-wal").read_bytes() == wal
        if not killed:
            break
    assert not killed
    assert min(left["old"], left["new"], left["none"]) > 0
    print(f"killed at each of {step - 1} steps: {dict(left)}, mixed 0")


def test_creates_no_empty_store_after_an_interrupted_restore(pattern: Path, runs: Runs) -> None:
    paths = paths_in(pattern)
    beside(paths[0], ".restoring").write_bytes(b"half")
    paths[0].unlink()
    for new_store in (False, True):
        with pytest.raises(StoreRefused, match="a restore was interrupted"):
            open_store(*paths, new_store=new_store)
    assert not runs.killed_at(0, pattern)
    assert teams(paths) == NEW
    assert len(list_backups(pattern / "backups")) == 1
