"""Commits and checkpoints in several processes: no commit is lost, and no page is damaged."""

import sqlite3
from pathlib import Path

import pytest

from latchkey.storage import has_wal_reset_bug
from tests.durability.checkpoint_stress import StressResult, fast_folder, stress
from tests.durability.rotation.rotation_stress import rotation_stress

LONG_SECONDS = 600
CONTROL_ROUNDS = 20
CONTROL_SECONDS = 30


def show(result: object) -> None:
    print(f"SQLite {sqlite3.sqlite_version}: {result}")


def check(result: StressResult) -> None:
    show(result)
    assert result.is_sound()
    assert not result.errors
    assert result.commits
    assert result.checkpoints


def test_commits_beside_checkpoints_lose_nothing() -> None:
    with fast_folder() as folder:
        check(stress(folder / "store.sqlite", 1, with_lock=True))


@pytest.mark.long
def test_ten_minutes_of_commits_beside_checkpoints_lose_nothing() -> None:
    with fast_folder() as folder:
        check(stress(folder / "store.sqlite", LONG_SECONDS, with_lock=True))


@pytest.mark.long
def test_without_the_write_lock_the_same_stress_damages_the_file() -> None:
    """Proves that the stress provokes the bug; on an SQLite without the bug there is nothing to provoke."""
    if not has_wal_reset_bug():
        print(f"SQLite {sqlite3.sqlite_version} does not have the WAL-reset bug: nothing to provoke")
        return
    for _ in range(CONTROL_ROUNDS):
        with fast_folder() as folder:
            result = stress(folder / "store.sqlite", CONTROL_SECONDS, with_lock=False)
        show(result)
        if not result.is_sound():
            return
    pytest.fail("the stress did not provoke the WAL-reset bug")


def rotate_for(folder: Path, seconds: float) -> None:
    result = rotation_stress((folder / "data" / "store.sqlite", folder / "keys" / "keyring"), seconds)
    show(result)
    assert (result.lost, result.unreadable) == (0, 0)
    assert result.commits
    assert result.rotations


def test_commits_of_a_server_beside_rotations_lose_nothing() -> None:
    with fast_folder() as folder:
        rotate_for(folder, 1)


@pytest.mark.long
def test_ten_minutes_of_a_servers_commits_beside_rotations_lose_nothing() -> None:
    with fast_folder() as folder:
        rotate_for(folder, LONG_SECONDS)
