"""Who has the store open is known, and nothing of it outlives a process."""

import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import StoreInUse, StoreRefused
from latchkey.storage import StoreProcess, acting_as_owner_of, open_for_command, open_store
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.engine.sqlite.locks import maintenance_lock
from latchkey.storage.engine.sqlite.processes import FilePresence, exclusive, no_replace, open_processes
from tests.support.stores import FOREIGN, Paths, foreign_store, other_process, owners


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keyring"
    open_store(*paths).close()
    return paths


def test_lists_the_processes_that_have_the_store_open_and_their_keys(paths: Paths) -> None:
    assert open_processes(paths[0]) == []
    store = open_store(*paths)
    assert open_processes(paths[0]) == [
        StoreProcess(os.getpid(), read_keyring(paths[1]).key_ids, takes_write_lock=True)
    ]
    with other_process(paths) as process:
        assert {opener.pid for opener in open_processes(paths[0])} == {os.getpid(), process.pid}
    store.close()
    assert open_processes(paths[0]) == []


def test_killed_process_is_not_listed_and_its_file_is_deleted(paths: Paths) -> None:
    with other_process(paths) as process:
        process.kill()
        process.wait()
        folder = paths[0].with_name("store.sqlite.open")
        assert len(list(folder.iterdir())) == 1
        assert open_processes(paths[0]) == []
        assert not list(folder.iterdir())


def test_refuses_exclusive_access_to_an_open_store(paths: Paths) -> None:
    with other_process(paths) as process, pytest.raises(StoreRefused, match=f"pid {process.pid}"), exclusive(paths[0]):
        pass
    with exclusive(paths[0]):
        pass


def test_refuses_to_open_a_store_under_exclusive_access(paths: Paths) -> None:
    with exclusive(paths[0]), pytest.raises(StoreRefused, match="is being restored"):
        open_store(*paths)
    open_store(*paths).close()


def test_presence_files_are_private_and_contain_no_key(paths: Paths) -> None:
    mark = FilePresence(paths[0])
    mark.publish(read_keyring(paths[1]).key_ids)
    folder = paths[0].with_name("store.sqlite.open")
    [sign] = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(sign.stat().st_mode) == 0o600
    for key in read_keyring(paths[1]).keys:
        assert key.reveal() not in sign.read_bytes()
    mark.close()


def test_lists_a_process_that_has_not_published_its_keys(paths: Paths) -> None:
    mark = FilePresence(paths[0])
    assert open_processes(paths[0]) == [StoreProcess(os.getpid(), None, takes_write_lock=True)]
    mark.close()
    mark.close()


def test_maintenance_lock_has_one_holder(paths: Paths) -> None:
    with maintenance_lock(paths[0]), pytest.raises(StoreInUse), maintenance_lock(paths[0]):
        pass
    with maintenance_lock(paths[0]):
        pass


@pytest.mark.root
def test_files_created_by_root_belong_to_the_stores_owner(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    with acting_as_owner_of(paths[0]), closing(open_store(*paths)), maintenance_lock(paths[0]):
        assert owners(paths[0].parent) == {FOREIGN}


@pytest.mark.root
def test_refuses_to_work_as_root_in_a_folder_of_another_user(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    for work in (lambda: open_store(*paths), lambda: open_for_command(*paths), lambda: open_processes(paths[0])):
        with pytest.raises(StoreRefused, match="where root does not open a store"):
            work()
    for lock in (maintenance_lock, exclusive, no_replace):
        with pytest.raises(StoreRefused, match="where root does not open a store"), lock(paths[0]):
            pass
