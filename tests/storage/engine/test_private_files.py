"""Files that others can read, and folders in which they can swap files, are refused with the command that mends it."""

import stat
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Bot

from latchkey.errors import StoreRefused
from latchkey.storage import open_store

Paths = tuple[Path, Path]


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666])
@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_refuses_a_store_that_others_can_access(paths: Paths, end: str, mode: int) -> None:
    with closing(open_store(*paths)) as store:
        store.installations.save_bot(Bot(team_id="T1", bot_token="x", bot_id="B", bot_user_id="U", installed_at=1.0))
        path = paths[0].with_name(paths[0].name + end)
        path.chmod(mode)
        with pytest.raises(StoreRefused, match=f"{path}: mode {mode:04o} lets others") as caught:
            open_store(*paths)
        assert caught.value.hint == f"chmod o-rwx {path}"
        assert stat.S_IMODE(path.stat().st_mode) == mode, (
            "the file may have been read already, so its mode is not corrected silently"
        )
        path.chmod(0o600)
        open_store(*paths).close()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_servers_group_may_access_the_store(paths: Paths, mode: int) -> None:
    open_store(*paths).close()
    paths[0].chmod(mode)
    open_store(*paths).close()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
@pytest.mark.parametrize("which", [0, 1])
def test_refuses_a_folder_that_others_can_write_to(paths: Paths, which: int, mode: int) -> None:
    open_store(*paths).close()
    folder = paths[which].parent
    folder.chmod(mode)
    with pytest.raises(StoreRefused, match=f"{folder}: mode {mode:04o} lets others") as caught:
        open_store(*paths)
    assert caught.value.hint == f"chmod o-w {folder}"


def test_creates_nothing_in_a_folder_that_others_can_write_to(paths: Paths) -> None:
    paths[0].parent.mkdir()
    paths[0].parent.chmod(0o777)
    with pytest.raises(StoreRefused, match="lets others"):
        open_store(*paths)
    assert not paths[1].exists()
    assert not paths[0].exists()


def test_accepts_a_folder_that_others_can_list(paths: Paths) -> None:
    open_store(*paths).close()
    paths[0].parent.chmod(0o755)
    open_store(*paths).close()
