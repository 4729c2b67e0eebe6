"""Removed records are erased from the store's files, the -wal included, soon after the removal."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Store, open_for_command, open_store
from latchkey.storage.rotation import erasing
from tests.support.stores import Paths, installation, other_process

WAIT_SECONDS = 5.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "DELAY_SECONDS", 0.02)
    monkeypatch.setattr(erasing, "REMOVAL_ERASE_TIMEOUT", 0.3)


def saved(store: Store) -> list[bytes]:
    """Save an installation, and return the distinctive part of its ciphertexts."""
    store.installations.save(installation("T1"))
    sealed = [store._engine.get("bots", "/T1"), store._engine.get("installations", "/T1/U1")]
    return [value[40:] for value in sealed if value]


def on_disk(folder: Path, ciphertexts: list[bytes]) -> bool:
    files = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    return any(ciphertext in files for ciphertext in ciphertexts)


def erased(folder: Path, ciphertexts: list[bytes]) -> bool:
    """Whether they are gone in time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while on_disk(folder, ciphertexts):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize(
    "remove",
    [
        lambda store: store.installations.delete_all(enterprise_id=None, team_id="T1"),
        lambda store: store.installations.remove_revoked(None, "T1", everything=True),
        lambda store: store.installations.remove_revoked(None, "T1", bot=True, user_ids=["U1"]),
    ],
    ids=["deleted", "uninstalled", "revoked"],
)
def test_a_removal_by_a_server_is_erased_from_every_file(paths: Paths, remove: Callable[[Store], object]) -> None:
    with closing(open_store(*paths)) as store:
        ciphertexts = saved(store)
        assert on_disk(paths[0].parent, ciphertexts)
        remove(store)
        assert erased(paths[0].parent, ciphertexts)


def test_a_removal_by_a_command_beside_a_server_is_erased_when_it_ends(paths: Paths) -> None:
    with closing(open_store(*paths)) as store:
        ciphertexts = saved(store)
    with other_process(paths):
        with closing(open_for_command(*paths)) as command:
            [workspace] = command.workspaces.all()
            command.workspaces.remove(workspace, installed_until=2e9)
        assert not on_disk(paths[0].parent, ciphertexts)


def test_a_reader_in_the_way_only_delays_it(paths: Paths) -> None:
    with closing(open_store(*paths)) as store:
        ciphertexts = saved(store)
        with closing(sqlite3.connect(paths[0], isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM bots").fetchall()
            store.installations.delete_all(enterprise_id=None, team_id="T1")
            time.sleep(0.3)
            assert on_disk(paths[0].parent, ciphertexts)
        assert erased(paths[0].parent, ciphertexts)


def test_a_command_warns_if_a_reader_stays_in_the_way(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_store(*paths)) as store:
        ciphertexts = saved(store)
        with closing(sqlite3.connect(paths[0], isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM bots").fetchall()
            with closing(open_for_command(*paths)) as command:
                [workspace] = command.workspaces.all()
                command.workspaces.remove(workspace, installed_until=2e9)
            assert "removed records are still in the -wal" in caplog.text
            assert on_disk(paths[0].parent, ciphertexts)
