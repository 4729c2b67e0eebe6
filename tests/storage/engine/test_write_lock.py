"""The lock between processes: every transaction and every checkpoint waits for those of other processes."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from latchkey.errors import StoreUnavailable
from latchkey.storage import has_wal_reset_bug, open_store
from latchkey.storage.engine.sqlite.connection import WriteLock
from tests.support.stores import ROOT, Paths, installation

HOLDER = """
import sys
from pathlib import Path
from latchkey.storage.engine.sqlite.connection import WriteLock
with WriteLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Hold the write lock in another process."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_no_call_writes_or_checkpoints_while_another_process_does(paths: Paths) -> None:
    with closing(open_store(*paths)) as store:
        store.installations.save(installation("T1"))
        with held_elsewhere(paths[0]):
            for write in (store.ready, store.states.issue, lambda: store.installations.save(installation("T2"))):
                began = time.monotonic()
                with pytest.raises(StoreUnavailable) as caught:
                    write()
                assert caught.value.reason == "locked"
                assert time.monotonic() - began < 2
            assert not store._engine.erase_log()
            assert store.installations.find_bot(enterprise_id=None, team_id="T1")
        store.installations.save(installation("T2"))
        assert store._engine.erase_log()


def test_a_write_continues_as_soon_as_the_other_process_has_finished(paths: Paths) -> None:
    with closing(open_store(*paths)) as store, closing(WriteLock(paths[0])) as other:
        writing = threading.Thread(target=store.states.issue)
        with other:
            writing.start()
            time.sleep(0.1)
            assert writing.is_alive()
        writing.join(0.5)
        assert not writing.is_alive()


def test_a_killed_process_releases_the_lock(paths: Paths) -> None:
    with closing(open_store(*paths)) as store, held_elsewhere(paths[0]) as process:
        process.kill()
        process.wait()
        store.ready()


def test_a_failed_call_releases_the_lock(paths: Paths) -> None:
    with closing(open_store(*paths)) as store, closing(WriteLock(paths[0])) as other:
        with pytest.raises(StoreUnavailable):
            store._engine._writer.execute("nonsense")
        with other:
            pass


def test_two_names_of_one_store_share_the_lock(paths: Paths, tmp_path: Path) -> None:
    open_store(*paths).close()
    link = tmp_path / "link.sqlite"
    link.symlink_to(paths[0])
    one, other = WriteLock(paths[0]), WriteLock(link)
    with one, pytest.raises(StoreUnavailable), other:
        pass
    one.close()
    other.close()


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)])
def test_affected_versions_of_sqlite_are_known(version: tuple[int, ...]) -> None:
    assert has_wal_reset_bug(version)


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 52, 0), (4, 0, 0)])
def test_fixed_versions_of_sqlite_are_known(version: tuple[int, ...]) -> None:
    assert not has_wal_reset_bug(version)
