"""As which user root works on a path, and what it needs for that."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused
from latchkey.storage import acting_as_owner_of
from tests.support.stores import FOREIGN, ROOT

pytestmark = pytest.mark.root
OTHER = (23456, 23457)
ROOTS_GROUPS = os.getgroups()


def user_for(path: Path) -> tuple[int, int]:
    with acting_as_owner_of(path):
        return os.geteuid(), os.getegid()


def make(path: Path, owner: tuple[int, int] = (0, 0), mode: int = 0o755) -> Path:
    path.mkdir()
    os.chown(path, *owner)
    path.chmod(mode)
    return path


@pytest.fixture
def theirs(public_folder: Path) -> Path:
    return make(public_folder / "theirs", FOREIGN)


def test_acts_as_the_owner_of_the_first_folder_that_is_not_roots(public_folder: Path, theirs: Path) -> None:
    inside = make(theirs / "inside", OTHER)
    for path in (theirs, theirs / "missing" / "file", inside, inside / ".." / ".." / "theirs"):
        assert user_for(path) == FOREIGN
    for path in (public_folder, public_folder / "missing", Path("/")):
        assert user_for(path) == (0, 0)
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_follows_links_of_roots(public_folder: Path, theirs: Path) -> None:
    (public_folder / "absolute").symlink_to(theirs)
    (public_folder / "relative").symlink_to("theirs")
    (public_folder / "back").symlink_to("theirs/..")
    assert user_for(public_folder / "absolute" / "x") == user_for(public_folder / "relative") == FOREIGN
    assert user_for(public_folder / "back" / "x") == FOREIGN, "their folder is on the way"


def test_acts_as_the_owner_of_a_link_that_is_not_roots(public_folder: Path) -> None:
    link = public_folder / "link"
    link.symlink_to("/etc")
    os.chown(link, *FOREIGN, follow_symlinks=False)
    assert user_for(link / "passwd") == FOREIGN


def test_a_file_in_a_folder_of_roots_is_roots_work(public_folder: Path) -> None:
    file = public_folder / "file"
    file.touch()
    os.chown(file, *FOREIGN)
    assert user_for(file) == (0, 0)


@pytest.mark.parametrize(
    ("mode", "group", "allowed"), [(0o775, 0, True), (0o1777, 0, True), (0o775, 12346, False), (0o757, 0, False)]
)
def test_refuses_a_folder_of_roots_in_which_others_can_replace_files(
    public_folder: Path, mode: int, group: int, allowed: bool
) -> None:
    folder = make(public_folder / "shared", (0, group), mode)
    if allowed:
        assert user_for(folder / "x") == (0, 0)
        return
    with pytest.raises(StoreRefused, match="lets others replace the files in it"):
        user_for(folder / "x")
    assert os.geteuid() == 0


def test_refuses_a_circle_of_links(public_folder: Path) -> None:
    (public_folder / "a").symlink_to("b")
    (public_folder / "b").symlink_to("a")
    with pytest.raises(StoreRefused, match="too many symbolic links"):
        user_for(public_folder / "a")


def test_can_be_nested(public_folder: Path, theirs: Path) -> None:
    others = make(public_folder / "others", OTHER)
    with acting_as_owner_of(theirs):
        assert user_for(others) == OTHER
        assert user_for(public_folder) == (0, 0)
        assert os.geteuid() == FOREIGN[0]
        with pytest.raises(PermissionError):
            (public_folder / "file").touch()
        (theirs / "file").touch()
    assert ((theirs / "file").stat().st_uid, (theirs / "file").stat().st_gid) == FOREIGN


def test_leaves_the_group_of_a_user_who_acts_already(theirs: Path) -> None:
    os.seteuid(FOREIGN[0])
    try:
        assert user_for(theirs) == FOREIGN
        assert (os.geteuid(), os.getegid()) == (FOREIGN[0], 0)
    finally:
        os.seteuid(0)


def test_blocks_of_several_threads_leave_the_former_user(public_folder: Path, theirs: Path) -> None:
    """The first block ends before the second, which began as the first block's user."""
    others = make(public_folder / "others", OTHER)
    first_ended, second_began = threading.Event(), threading.Event()

    def second() -> tuple[int, int]:
        with acting_as_owner_of(others):
            second_began.set()
            assert first_ended.wait(10)
            return os.geteuid(), os.getegid()

    with ThreadPoolExecutor(1) as pool:
        with acting_as_owner_of(theirs):
            running = pool.submit(second)
            assert second_began.wait(10)
        first_ended.set()
        assert running.result(10) == OTHER
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, ROOTS_GROUPS)


def test_threads_that_change_the_user_at_the_same_time_leave_the_former_user(public_folder: Path, theirs: Path) -> None:
    others = make(public_folder / "others", OTHER)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(user_for, [theirs, others, public_folder, theirs / "missing"] * 250):
            pass
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, ROOTS_GROUPS)


def without_capabilities(code: str) -> subprocess.CompletedProcess[str]:
    """Run code as a root that may not become another user, as in many containers."""
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_needs_no_privileges_in_folders_of_roots(public_folder: Path, theirs: Path) -> None:
    code = """
from pathlib import Path
from latchkey.storage import acting_as_owner_of
with acting_as_owner_of(Path({!r})):
    print("root's")
"""
    assert without_capabilities(code.format(str(public_folder))).stdout == "root's\n"
    done = without_capabilities(code.format(str(theirs)))
    assert "StoreRefused: cannot act as the user #12345: Operation not permitted" in done.stderr
